"""Each function's requirements: pinned with hashes as the lock has them, and enough for what it imports."""

import ast
import re
import sys
from importlib.metadata import packages_distributions

import pytest
from tests.infra.deployment import REPOSITORY

from utxoiq_infra.configuration.catalog import FUNCTIONS
from utxoiq_infra.source_archive import Sources

PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", re.MULTILINE)
NAMES = [spec.name for spec in FUNCTIONS]


def pins(text: str) -> dict[str, tuple[str, frozenset[str]]]:
    """The version and the hashes of each package."""
    entries = re.split(r"\n(?=\S)", text)
    found = {}
    for entry in entries:
        match = PIN.match(entry)
        if match:
            found[match[1]] = match[2], frozenset(re.findall(r"--hash=(\S+)", entry))
    return found


def requirements(function: str) -> str:
    return (REPOSITORY / "functions" / function / "requirements.txt").read_text()


@pytest.mark.parametrize("function", NAMES)
def test_every_pin_is_the_locks(function: str) -> None:
    pinned, locked = pins(requirements(function)), pins((REPOSITORY / "requirements.lock").read_text())
    assert pinned
    assert pinned == {name: locked[name] for name in pinned}


@pytest.mark.parametrize("function", NAMES)
def test_every_pin_has_hashes(function: str) -> None:
    assert all(hashes for _, hashes in pins(requirements(function)).values())


@pytest.mark.parametrize("function", NAMES)
def test_nothing_of_this_machine_is_in_them(function: str) -> None:
    text = requirements(function)
    assert "://" not in text
    assert not re.search(r"(^|\s)/", text)
    assert "index-url" not in text


@pytest.mark.parametrize("function", NAMES)
def test_whatever_is_imported_is_required(function: str) -> None:
    required = set(pins(requirements(function)))
    providers = packages_distributions()
    for name, path in Sources(REPOSITORY).archive(function).files.items():
        if not name.endswith(".py"):
            continue
        for module in imported(path.read_text()):
            top = module.partition(".")[0]
            if top in sys.stdlib_module_names or top.startswith("utxoiq_") or top == "google":
                continue
            distributions = {provider.lower().replace("_", "-") for provider in providers[top]}
            assert distributions & required, f"{name} imports {module}"


def imported(source: str) -> set[str]:
    modules = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules.add(node.module)
    return modules


def test_the_environment_has_pip_however_it_was_made() -> None:
    """The Pulumi CLI lists the program's packages by it, and an environment made without pip gets it from here only."""
    assert pins((REPOSITORY / "requirements.lock").read_text())["pip"][1]
