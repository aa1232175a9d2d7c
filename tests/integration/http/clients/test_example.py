"""The example of the Python client, run by this Python and by the oldest one that is supported."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.integration.http.clients.conftest import KEY

from commands.stack import REPOSITORY

FOLDER = REPOSITORY / "clients/python"
OLDEST = "3.9"


def run_example(python: Path, base_url: str, program: Path = FOLDER / "example.py") -> str:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(FOLDER / "src"), "BASE": base_url, "KEY": KEY}
    ended = subprocess.run(
        [python, "-W", "error", program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_example_runs(base_url: str) -> None:
    assert run_example(Path(sys.executable), base_url).startswith("completed 3\n")


def test_the_example_of_the_api_page_runs(base_url: str, tmp_path: Path) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```$", (REPOSITORY / "docs/api.md").read_text(), re.MULTILINE | re.DOTALL)
    program = tmp_path / "example.py"
    program.write_text(code)
    assert run_example(Path(sys.executable), base_url, program) == "running 1000\n"


def test_the_example_runs_on_the_oldest_python(base_url: str, tmp_path: Path) -> None:
    python = installed_oldest(tmp_path / "venv")
    assert run_example(python, base_url).startswith("completed 3\n")


def installed_oldest(folder: Path) -> Path:
    """Return the Python of a new environment with the client's dependencies."""
    uv = Path(sys.executable).with_name("uv")
    named = [path for path in Path.home().glob(f".pyenv/versions/{OLDEST}.*/bin/python") if path.is_file()]
    interpreter = str(named[0]) if named else OLDEST
    made = subprocess.run(
        [uv, "venv", "--quiet", "--no-python-downloads", "--python", interpreter, folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        pytest.skip(f"no Python {OLDEST} on this machine")
    python = folder / "bin/python"
    installed = subprocess.run(
        [uv, "pip", "install", "--quiet", "--python", python, "-r", FOLDER / "pyproject.toml"],
        capture_output=True,
        text=True,
        check=False,
    )
    if installed.returncode:
        pytest.skip(f"the dependencies for Python {OLDEST} cannot be installed: {installed.stderr.strip()[-200:]}")
    return python
