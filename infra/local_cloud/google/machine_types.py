"""What a machine type of Cloud SQL has."""

import re
from typing import NamedTuple

GIB = 2**30


class MachineType(NamedTuple):
    """memory: in bytes."""

    cores: int
    memory: int


# With a part of a core, which bursts to a whole one.
SHARED = {"db-f1-micro": MachineType(1, int(0.6 * GIB)), "db-g1-small": MachineType(1, int(1.7 * GIB))}
# GiB of memory to a core.
FAMILIES = {"n1-standard": 3.75, "n1-highmem": 6.5, "perf-optimized-N": 8.0, "c4a-highmem": 8.0}
_CUSTOM = re.compile(r"db-custom-(\d+)-(\d+)")
_FAMILY = re.compile(rf"db-({'|'.join(map(re.escape, FAMILIES))})-(\d+)")


def find_machine_type(name: str) -> MachineType | None:
    """Return a machine type by its name; None for one that is not known here."""
    if name in SHARED:
        return SHARED[name]
    if custom := _CUSTOM.fullmatch(name):
        return MachineType(int(custom[1]), int(custom[2]) * 2**20)
    if family := _FAMILY.fullmatch(name):
        return MachineType(int(family[2]), int(int(family[2]) * FAMILIES[family[1]] * GIB))
    return None
