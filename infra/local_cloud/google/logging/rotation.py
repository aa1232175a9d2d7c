"""Keeps log files from growing without end: what a file holds moves beside it, and it begins anew."""

import os
import shutil
from pathlib import Path

# Of one file; as much again lies beside it.
LARGEST = 16 * 2**20
SUFFIX = ".1"


def rotate(path: Path, largest: int = LARGEST) -> bool:
    """Move the content of a file that is larger than `largest` bytes beside it, in the place of what was moved before.

    Return whether it was. The file itself stays: processes go on appending to it. What is appended between the two
    steps is lost, as with any log that is copied and truncated.
    """
    if not path.exists() or path.stat().st_size <= largest:
        return False
    beside = path.with_name(path.name + SUFFIX)
    shutil.copyfile(path, beside)
    beside.chmod(0o600)
    os.truncate(path, 0)
    return True
