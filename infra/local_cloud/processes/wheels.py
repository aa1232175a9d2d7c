"""Finds the programs that wheels bring along, without importing their packages."""

import importlib.util
from pathlib import Path


def find_program(package: str, place: Path) -> Path:
    """Return the path of a program, whose place is in the folder of a package with the name of its wheel.

    Raises FileNotFoundError if the wheel is not installed, or has another layout.
    """
    wheel = package.replace("_", "-")
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(f"the package {wheel} is not installed")
    program = Path(spec.submodule_search_locations[0]) / place
    if not program.exists():
        raise FileNotFoundError(f"this version of {wheel} has no {program}")
    return program
