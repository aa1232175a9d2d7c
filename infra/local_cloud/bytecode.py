"""Compiled modules, which are kept even where Python is told to keep none: compiling at each start takes seconds."""

import os
import sys
from pathlib import Path

FOLDER = Path(sys.prefix) / "bytecode"


def keep() -> None:
    """Keep compiled modules, those of processes that this one starts included.

    Where Python is told to keep none, as an image of containers may have it, they lie in FOLDER, since no source tree
    is to have any then.
    """
    if sys.dont_write_bytecode:
        sys.dont_write_bytecode = False
        sys.pycache_prefix = str(FOLDER)
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix
