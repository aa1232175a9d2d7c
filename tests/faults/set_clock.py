"""Runs a function whose clock can be set meanwhile: set_clock.py FILE, then the options of functions_framework.

The file holds by how many seconds the clock is ahead, as a double; the process maps it into its memory. Only wall time
is set, as by a machine whose clock is set: durations are measured as ever.
"""

import ctypes
import gc
import mmap
import struct
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

AHEAD = struct.Struct("d")


def main() -> None:
    with Path(sys.argv.pop(1)).open("r+b") as file:
        shown = mmap.mmap(file.fileno(), AHEAD.size)

    def ahead() -> float:
        seconds: float = AHEAD.unpack(shown)[0]
        return seconds

    _set(ahead)
    from functions_framework._cli import _cli

    _cli()


def _set(ahead: Callable[[], float]) -> None:
    real_time, real_now = time.time, datetime.now

    def now(_: type[datetime], tz: tzinfo | None = None) -> datetime:
        return real_now(tz) + timedelta(seconds=ahead())

    time.time = lambda: real_time() + ahead()
    # The type itself, not another one in its place: what checks types would know it from datetime.
    (members,) = gc.get_referents(datetime.__dict__)
    members["now"] = classmethod(now)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(datetime))


if __name__ == "__main__":
    main()
