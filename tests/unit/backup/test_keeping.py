"""Which backups the keeper takes for expired."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from utxoiq_persistence.backup.keeping import KEPT_BACKUPS, KEPT_FOR, KeeperSettings, list_expired
from utxoiq_persistence.backup.runs import DESCRIPTION
from utxoiq_persistence.errors import ConfigurationError

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def backup(number: int, age: timedelta, **changes: Any) -> dict[str, Any]:
    return {
        "id": str(number),
        "type": "ON_DEMAND",
        "status": "SUCCESSFUL",
        "description": f"{DESCRIPTION} {number}",
        "endTime": (NOW - age).isoformat(),
        **changes,
    }


def weekly(count: int, **changes: Any) -> list[Any]:
    """Newest first."""
    return [backup(count - week, timedelta(weeks=week, minutes=1), **changes) for week in range(count)]


def test_backups_beyond_the_number_and_the_age_have_expired() -> None:
    expired = list_expired(weekly(KEPT_BACKUPS + 3), NOW)
    assert [one["id"] for one in expired] == ["3", "2", "1"]


def test_young_backups_stay_however_many_there_are() -> None:
    """A flood of new ones drives no old one out before its time."""
    young: list[Any] = [backup(number, KEPT_FOR - timedelta(minutes=number)) for number in range(100)]
    assert list_expired(young, NOW) == []


@pytest.mark.parametrize(
    "other",
    [
        {"type": "AUTOMATED"},
        {"description": "before the migration"},
        {"description": ""},
        {"description": f"{DESCRIPTION}s of mine"},
        {"status": "RUNNING"},
        {"status": "FAILED"},
    ],
)
def test_backups_of_others_never_expire(other: dict[str, str]) -> None:
    assert list_expired(weekly(KEPT_BACKUPS + 3, **other), NOW) == []


def test_a_wrong_instance_is_named() -> None:
    with pytest.raises(ConfigurationError, match="BACKED_UP_INSTANCE"):
        KeeperSettings.from_environment({"BACKED_UP_INSTANCE": "primary"})
