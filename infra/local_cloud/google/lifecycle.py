"""The lifecycle rules of buckets: which objects leave at a moment, as Cloud Storage decides it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

DAY = timedelta(days=1)


class UnknownCondition(Exception):
    """A rule has a condition or an action that is not known here; the message names it."""


@dataclass(frozen=True)
class Deletion:
    """A rule that deletes. Only what meets all of its conditions leaves; None: it has no such condition."""

    age: timedelta | None = None
    since_custom_time: timedelta | None = None
    prefixes: tuple[str, ...] = ()

    def takes(self, item: Mapping[str, Any], now: datetime) -> bool:
        """Return whether an object leaves. item: as the API shows it."""
        if self.prefixes and not str(item["name"]).startswith(self.prefixes):
            return False
        if self.age is not None and _parse(item["timeCreated"]) + self.age > now:
            return False
        if self.since_custom_time is None:
            return True
        return bool(item.get("customTime")) and _parse(item["customTime"]) + self.since_custom_time <= now


@dataclass(frozen=True)
class BucketRules:
    """What a bucket's rules delete, and for how long nobody may delete an object."""

    deletions: tuple[Deletion, ...] = ()
    retention: timedelta = timedelta(0)

    @classmethod
    def from_inputs(cls, inputs: Mapping[str, Any]) -> "BucketRules":
        """Return the rules of a bucket as the program declares it. Raises UnknownCondition."""
        retention = inputs.get("retentionPolicy") or {}
        return cls(
            tuple(_read_deletions(inputs.get("lifecycleRules") or [])),
            timedelta(seconds=int(retention.get("retentionPeriod") or 0)),
        )

    def expired(self, items: Iterable[Mapping[str, Any]], now: datetime) -> list[str]:
        """Return the names of the objects that leave now; those that are retained stay until that is over."""
        return [
            str(item["name"])
            for item in items
            if any(rule.takes(item, now) for rule in self.deletions)
            and _parse(item["timeCreated"]) + self.retention <= now
        ]


def _read_deletions(rules: Iterable[Mapping[str, Any]]) -> Iterator[Deletion]:
    for rule in rules:
        kind, conditions = rule["action"]["type"], dict(rule["condition"])
        if kind == "SetStorageClass":
            continue  # it changes what an object costs, and nothing that is here
        if kind == "AbortIncompleteMultipartUpload":
            continue  # the local storage keeps no parts of an upload that did not end
        if kind != "Delete":
            raise UnknownCondition(f"the action {kind}")
        if conditions.pop("daysSinceNoncurrentTime", None) is not None:
            continue  # of versions, which there are none of on this machine
        age, custom = conditions.pop("age", None), conditions.pop("daysSinceCustomTime", None)
        prefixes = tuple(conditions.pop("matchesPrefixes", None) or ())
        if conditions:
            raise UnknownCondition(f"the condition {', '.join(sorted(conditions))}")
        yield Deletion(_days(age), _days(custom), prefixes)


def _days(number: float | None) -> timedelta | None:
    return None if number is None else int(number) * DAY


def _parse(moment: str) -> datetime:
    return datetime.fromisoformat(moment).astimezone(UTC)
