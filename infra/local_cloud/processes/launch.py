"""Becomes another program that ends when its parent does, whatever ends that: a SIGKILL too.

Run by path in an isolated interpreter (-I -S), so that it starts in milliseconds and leaves nothing to inherit:

    launch.py PARENT_PID SIGNAL USER PROGRAM ARGUMENT…

USER is empty to stay who one is. A program that refuses to run as root becomes USER instead, and keeps nothing of root
but the right to pass folders that only root may enter: the packages and the state may lie under one.
"""

import ctypes
import os
import pwd
import signal
import sys

PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 8, 47, 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522


def main() -> None:
    """Become the program that the arguments name."""
    parent, name, user, *command = sys.argv[1:]
    if user:
        _become(user)
    if sys.platform == "linux":
        # After the change of user, which would clear it.
        _prctl(PR_SET_PDEATHSIG, getattr(signal, f"SIG{name}"))
        if os.getppid() != int(parent):
            sys.exit("the deployer ended while this started")
    os.execvpe(command[0], command, os.environ)  # noqa: S606


def _become(user: str) -> None:
    entry = pwd.getpwnam(user)
    if sys.platform == "linux":
        _prctl(PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    if sys.platform == "linux":
        bit = 1 << CAP_DAC_OVERRIDE
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
        sets = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)  # effective, permitted, inheritable; then the high words
        _check(_libc.capset(header, sets))
        _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)


def _prctl(*arguments: int) -> None:
    _check(_libc.prctl(*(ctypes.c_ulong(argument) for argument in arguments)))


def _check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


_libc = ctypes.CDLL(None, use_errno=True)

if __name__ == "__main__":
    main()
