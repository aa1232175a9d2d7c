"""Units of work are of files that are there: one that is renamed falls out of them otherwise, and nobody sees it."""

from pathlib import Path

from tests import work_units

REPOSITORY = Path(__file__).resolve().parents[2]


def test_each_name_is_of_a_file_that_is_there() -> None:
    own = (f"{work_units.STACK}/{name}" for name in work_units.STACKS_OF_THEIR_OWN)
    missing = [
        name for name in (*work_units.LONGEST, *own, *work_units.LAST_OF_THE_STACK) if not (REPOSITORY / name).exists()
    ]
    assert missing == []


def test_files_that_use_the_sessions_stack_are_one_unit_and_each_other_one_its_own() -> None:
    files = ["system/test_access.py", "system/test_recovery.py", "system/test_replica.py", "unit/test_work_units.py"]
    units = [work_units.unit_of(f"tests/{file}") for file in files]
    assert units == ["tests/system", "tests/system", "tests/system/test_replica.py", "tests/unit/test_work_units.py"]


def test_the_longest_units_come_first_and_what_spoils_the_stack_is_its_last() -> None:
    files = ["unit/test_work_units.py", "system/test_recovery.py", "system/test_tables.py", "system/test_alerts.py"]
    ranked = sorted((f"tests/{file}" for file in files), key=work_units.rank)
    assert [Path(file).stem for file in ranked] == ["test_tables", "test_recovery", "test_alerts", "test_work_units"]
