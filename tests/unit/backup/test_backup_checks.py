"""What a restored copy may differ in from its source, and what not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from utxoiq_persistence.backup.checks import compare
from utxoiq_persistence.backup.facts import Facts, Range, Sample

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=1)
RANGE = Range("insight_feedback", "0", "f")


def facts(rows: int = 10, newest: datetime | None = NOON, checksum: str = "a", **changed: Any) -> Facts:
    made = Facts(
        taken_at=NOON,
        schema_version="0004",
        schema_digest="digest",
        rows={"insight_feedback": rows},
        newest={"insight_feedback": newest},
        statistics_off=0,
        samples=[Sample(RANGE, rows, checksum)],
    )
    return msgspec.structs.replace(made, **changed)


def failed(before: Facts, after: Facts, copy: Facts) -> set[str]:
    return {check.name for check in compare(before, after, copy) if not check.passed}


def test_a_copy_that_equals_both_passes() -> None:
    assert failed(facts(), facts(), facts()) == set()


@pytest.mark.parametrize(
    ("copy", "broken"),
    [
        (facts(9), {"row_counts"}),
        (facts(checksum="b"), {"samples"}),
        (facts(newest=NOON - timedelta(hours=1)), {"newest_rows"}),
        (facts(newest=None), {"newest_rows"}),
        (facts(schema_digest="another"), {"schema"}),
        (facts(schema_version="0003"), {"schema"}),
        (facts(statistics_off=1), {"statistics"}),
    ],
)
def test_what_did_not_change_while_the_backup_ran_must_be_equal(copy: Facts, broken: set[str]) -> None:
    assert failed(facts(), facts(), copy) == broken


def test_what_changed_while_the_backup_ran_must_lie_between() -> None:
    before, after = facts(10, NOON, "a"), facts(20, LATER, "b")
    assert failed(before, after, facts(15, NOON + timedelta(seconds=30), "c")) == set()
    assert failed(before, after, facts(21, LATER + timedelta(seconds=1), "c")) == {
        "row_counts",
        "samples",
        "newest_rows",
    }


def test_a_table_that_was_empty_at_first_may_be_empty_or_not() -> None:
    before, after = facts(0, None, "a"), facts(5, LATER, "b")
    assert failed(before, after, facts(0, None, "a")) == set()
    assert failed(before, after, facts(3, NOON, "c")) == set()


def test_a_table_that_is_missing_fails() -> None:
    copy = msgspec.structs.replace(facts(), rows={})
    assert failed(facts(), facts(), copy) == {"row_counts"}


def test_what_differs_is_said() -> None:
    (check,) = [check for check in compare(facts(), facts(), facts(9)) if not check.passed]
    assert check.detail == "insight_feedback has 9 rows, not 10 to 10"
