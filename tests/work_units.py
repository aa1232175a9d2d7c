"""What a worker of pytest-xdist is given at once: a file, or all files that use the session's stack."""

from xdist.scheduler import LoadFileScheduling

STACK = "tests/system"
# The other files of the folder use the session's.
STACKS_OF_THEIR_OWN = frozenset({"test_alerts.py", "test_lifecycle.py", "test_replica.py"})
# Of those: what waits for charts, which have figures after a minute or two; then what takes the stack back in time, and
# leaves it with an instance in another region.
LAST_OF_THE_STACK = (f"{STACK}/test_console.py", f"{STACK}/test_recovery.py")
# Units that take minutes, longest first: no worker shall be left alone with one of them at the end.
LONGEST = (
    STACK,
    "tests/system/test_alerts.py",
    "tests/integration/retention/test_kills.py",
    "tests/integration/backup/test_verification.py",
    "tests/infra/test_policies_can_fail.py",
)


class UnitScheduling(LoadFileScheduling):  # type: ignore[misc]
    """Gives the files that use the session's stack to one worker: each of several would start a stack of its own."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid.partition("::")[0])


def unit_of(file: str) -> str:
    """Return the unit of a file, which is named as in the ids of its tests."""
    folder, _, name = file.rpartition("/")
    return STACK if folder == STACK and name not in STACKS_OF_THEIR_OWN else file


def rank(file: str) -> tuple[int, int]:
    """Return what files are sorted by: the longest units first."""
    unit = unit_of(file)
    place = LONGEST.index(unit) if unit in LONGEST else len(LONGEST)
    return place, LAST_OF_THE_STACK.index(file) + 1 if file in LAST_OF_THE_STACK else 0
