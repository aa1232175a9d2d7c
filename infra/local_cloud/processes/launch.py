"""Becomes another program that ends when its parent does, whatever ends that: a SIGKILL too.

Run by path in an isolated interpreter (-I -S), so that it starts in milliseconds and leaves nothing to inherit:

    launch.py PARENT_PID SIGNAL USER PROGRAM ARGUMENT…

USER is empty to stay who one is. A program that refuses to run as root becomes USER instead, for good: it keeps no
capability, and no program that it runs gets one, or another user's rights.
"""

import ctypes
import errno
import os
import pwd
import signal
import sys

PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 24, 38
MOST_CAPABILITIES = 64


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
        _drop_bounding_set()
        _prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)


def _drop_bounding_set() -> None:
    """Give up every capability that the kernel has, for whatever is run later too."""
    for capability in range(MOST_CAPABILITIES):
        try:
            _prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EPERM):
                raise
            return  # the kernel has no more; or this root may not, and no_new_privs alone has to do


def _prctl(*arguments: int) -> None:
    if _libc.prctl(*(ctypes.c_ulong(argument) for argument in arguments)) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


_libc = ctypes.CDLL(None, use_errno=True)

if __name__ == "__main__":
    main()
