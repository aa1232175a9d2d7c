"""A function's archive: what it imports and reads, whole and nothing else, and a name that its content gives."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.infra.deployment import REPOSITORY

from utxoiq_infra.configuration.catalog import CONSOLE, FUNCTIONS, MIGRATE
from utxoiq_infra.source_archive import (
    COLUMNS_READER,
    MIGRATIONS_READER,
    OPENAPI_READER,
    QUERIES_LOADER,
    SourceArchive,
    SourceError,
    Sources,
)

LOADED = re.compile(r'^\w+ = load\("(\w+)"\)$', re.MULTILINE)
NAMES = [spec.name for spec in FUNCTIONS]
SHARED = ("functions", "sql", "migrations", "docs")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The sources, somewhere else."""
    for folder in SHARED:
        shutil.copytree(REPOSITORY / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def collect(repository: Path, function: str) -> SourceArchive:
    return Sources(repository).archive(function)


def unpacked(archive: SourceArchive, folder: Path) -> Path:
    for name, path in archive.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, folder / name)
    return folder


@pytest.mark.parametrize("function", NAMES)
def test_the_modules_of_an_archive_import_on_their_own(function: str, tmp_path: Path) -> None:
    folder = unpacked(collect(REPOSITORY, function), tmp_path)
    modules = [
        ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
        for path in folder.rglob("*.py")
        if path.parts[len(folder.parts)] not in ("migrations", "main.py")
    ]
    command = "import importlib\n" + "\n".join(f"importlib.import_module({module!r})" for module in modules)
    alone = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), "PYTHONPYCACHEPREFIX": sys.pycache_prefix or ""}
    done = subprocess.run([sys.executable, "-c", command], cwd=folder, env=alone, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("function", NAMES)
def test_an_archive_has_no_caches_tests_or_other_functions(function: str) -> None:
    names = set(collect(REPOSITORY, function).files)
    assert {"main.py", "requirements.txt"} <= names
    for name in names - {"main.py", "requirements.txt"}:
        top = name.partition("/")[0]
        assert top in ("utxoiq_http", "utxoiq_persistence", "utxoiq_console", "sql", "migrations", "docs"), name
        assert "__pycache__" not in name
        assert not name.endswith(".pyc")


def test_an_archive_has_no_module_that_nothing_imports(copy: Path) -> None:
    (copy / "functions/utxoiq_http/unused.py").write_text("")
    assert "utxoiq_http/unused.py" not in collect(copy, "feedback").files


def test_an_archive_has_what_is_imported_within_a_function_body(copy: Path) -> None:
    (copy / "functions/utxoiq_http/late.py").write_text("")
    main = copy / "functions/feedback/main.py"
    main.write_text(main.read_text() + "\ndef later() -> None:\n    from utxoiq_http import late\n")
    assert "utxoiq_http/late.py" in collect(copy, "feedback").files


def test_an_archive_has_what_is_imported_relatively(copy: Path) -> None:
    package = copy / "functions/utxoiq_http"
    (package / "inner").mkdir()
    (package / "inner/__init__.py").write_text("from . import beside\nfrom ..outer import value\n")
    (package / "inner/beside.py").write_text("")
    (package / "outer.py").write_text("value = 1\n")
    main = copy / "functions/feedback/main.py"
    main.write_text(main.read_text() + "\nimport utxoiq_http.inner\n")
    names = set(collect(copy, "feedback").files)
    assert {"utxoiq_http/inner/__init__.py", "utxoiq_http/inner/beside.py", "utxoiq_http/outer.py"} <= names


@pytest.mark.parametrize("function", NAMES)
def test_an_archive_has_the_queries_that_its_modules_load(function: str) -> None:
    archive = collect(REPOSITORY, function)
    sources = (path.read_text() for name, path in archive.files.items() if name.endswith(".py"))
    loaded = {f"sql/{table}.sql" for source in sources for table in LOADED.findall(source)}
    lists = {"sql/columns.toml"} if loaded else set()
    assert {name for name in archive.files if name.startswith("sql/")} == loaded | lists


def test_migrations_are_in_the_archive_of_migrate_alone() -> None:
    for function in NAMES:
        has_migrations = any(name.startswith("migrations/versions/") for name in collect(REPOSITORY, function).files)
        assert has_migrations == (function == MIGRATE.name), function


def test_templates_styles_and_the_documentation_are_in_the_archive_of_the_console_alone() -> None:
    for function in NAMES:
        names = set(collect(REPOSITORY, function).files)
        wanted = {"utxoiq_console/templates/base.html", "utxoiq_console/static/console.css", "docs/openapi.json"}
        assert (names & wanted) == (wanted if function == CONSOLE.name else set()), function


def touch(repository: Path) -> None:
    for path in repository.rglob("*"):
        os.utime(path, (1, 1))


def compile_caches(repository: Path) -> None:
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(repository / "functions")], check=True)


@pytest.mark.parametrize("change", [touch, compile_caches])
def test_the_same_content_has_the_same_name_anywhere(copy: Path, change: Callable[[Path], None]) -> None:
    change(copy)
    assert collect(copy, "feedback").digest == collect(REPOSITORY, "feedback").digest


@pytest.mark.parametrize(
    "file", ["functions/feedback/main.py", "functions/feedback/requirements.txt", "sql/insight_feedback.sql"]
)
def test_changed_content_has_another_name(copy: Path, file: str) -> None:
    before = collect(copy, "feedback").digest
    path = copy / file
    path.write_text(path.read_text() + "\n")
    assert collect(copy, "feedback").digest != before


def test_a_change_deploys_only_the_functions_that_have_it(copy: Path) -> None:
    before = {function: collect(copy, function).digest for function in NAMES}
    path = copy / "functions/utxoiq_http/endpoints/feedback.py"
    path.write_text(path.read_text() + "\n")
    assert {function for function in NAMES if collect(copy, function).digest != before[function]} == {"feedback"}


def test_a_missing_file_is_named(copy: Path) -> None:
    (copy / "sql/insight_feedback.sql").unlink()
    with pytest.raises(SourceError, match=r"insight_feedback\.sql is missing"):
        collect(copy, "feedback")


@pytest.mark.parametrize("reader", [QUERIES_LOADER, COLUMNS_READER, MIGRATIONS_READER, OPENAPI_READER])
def test_a_reader_of_packaged_files_that_moved_is_named(copy: Path, reader: str) -> None:
    file = copy / "functions" / f"{reader.replace('.', '/')}.py"
    file.rename(file.with_name("moved.py"))
    with pytest.raises(SourceError, match=rf"{file.name} is missing"):
        collect(copy, "keys")


def test_queries_that_cannot_be_told_from_the_source_are_refused(copy: Path) -> None:
    path = copy / "functions/utxoiq_persistence/feedback.py"
    path.write_text(path.read_text().replace('load("insight_feedback")', "load(TABLE)"))
    with pytest.raises(SourceError, match=r"utxoiq_persistence\.feedback, line \d+: load\(\) takes the table's name"):
        collect(copy, "feedback")
