"""The one spelling of times, of one and of many at once."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import example, given
from hypothesis import strategies as st

from utxoiq_persistence import times

# What is in range in every zone.
NEAR = (datetime(1, 1, 3), datetime(9999, 12, 29))  # noqa: DTZ001 - hypothesis adds the zone
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-11))])


@given(st.lists(st.datetimes(*NEAR, timezones=ZONES), max_size=5))
@example([])
@example([datetime(2026, 1, 31, 12, tzinfo=UTC), datetime(987, 1, 1, 0, 0, 0, 120, UTC)])
def test_many_are_spelled_as_one_is(moments: list[datetime]) -> None:
    assert times.spell_all(moments) == [times.spell(moment) for moment in moments]


def test_a_moment_has_six_digits_and_the_offset_of_utc() -> None:
    assert times.spell(datetime(2026, 1, 31, 12, tzinfo=UTC)) == "2026-01-31T12:00:00.000000+00:00"
