"""Policies looked at again and again: since when a condition is violated, and by which groups of series."""

from collections.abc import Mapping
from dataclasses import dataclass

from local_cloud.google.monitoring.points import Identity
from local_cloud.google.monitoring.policies import Absence, Condition, Policy, Threshold

# Points come late by as much; until then the last value holds. What takes time here takes it at any pace.
GRACE_SECONDS = 60.0
SHORTEST_GRACE_SECONDS = 5.0


@dataclass
class _Group:
    """since: of its violation; None while there is none."""

    value: float
    seen: float
    since: float | None = None
    met: bool = False


@dataclass(frozen=True)
class Violation:
    """A condition that a group of series violates.

    value: what was found; of an absence, the seconds since the last point.
    """

    condition: Condition
    group: Identity
    value: float


Violations = Mapping[tuple[str, Identity], Violation]


class Watch:
    """Looks at one policy over time."""

    def __init__(self, policy: Policy, pace: float) -> None:
        self.policy = policy
        watchers = [_ThresholdWatch if isinstance(one, Threshold) else _AbsenceWatch for one in policy.conditions]
        self._conditions = [
            watcher(condition, pace, policy.auto_close)  # type: ignore[arg-type]
            for watcher, condition in zip(watchers, policy.conditions, strict=True)
        ]

    def violations(self, now: float) -> Violations:
        """Return what incidents are open about now, by condition and group."""
        found = [watch.met(now) for watch in self._conditions]
        if self.policy.combiner != "OR":
            first, *others = found
            if not all(others) and others:
                return {}
            if self.policy.combiner == "AND_WITH_MATCHING_RESOURCE":
                resources = [{_resource(group) for group in other} for other in others]
                first = {
                    group: value
                    for group, value in first.items()
                    if all(_resource(group) in matching for matching in resources)
                }
            found = [first]
        return {
            (condition.display_name, group): Violation(condition, group, value)
            for condition, groups in zip(self.policy.conditions, found, strict=False)
            for group, value in groups.items()
        }


class _ThresholdWatch:
    def __init__(self, condition: Threshold, pace: float, auto_close: float) -> None:
        self._condition = condition
        self._grace = max(GRACE_SECONDS / pace, SHORTEST_GRACE_SECONDS)
        self._auto_close = auto_close
        self._groups: dict[Identity, _Group] = {}

    def met(self, now: float) -> Mapping[Identity, float]:
        values = self._condition.query.values(now)
        for identity, value in values.items():
            group = self._groups.setdefault(identity, _Group(value, now))
            group.value, group.seen = value, now
            self._judge(group, self._condition.is_violated(value), now)
        for identity, group in list(self._groups.items()):
            if identity not in values:
                self._miss(identity, group, now)
        met = {identity: group.value for identity, group in self._groups.items() if group.met}
        return met if self._condition.trigger.is_met(len(met), len(self._groups)) else {}

    def _miss(self, identity: Identity, group: _Group, now: float) -> None:
        silent = now - group.seen
        if silent > self._auto_close:
            del self._groups[identity]
        elif silent > self._grace and self._condition.missing != "NO_OP":
            self._judge(group, self._condition.missing == "ACTIVE", now)

    def _judge(self, group: _Group, violated: bool, now: float) -> None:
        if not violated:
            group.since, group.met = None, False
            return
        if group.since is None:
            group.since = now
        group.met = now - group.since >= self._condition.duration


class _AbsenceWatch:
    """Of a series that has been there."""

    def __init__(self, condition: Absence, pace: float, auto_close: float) -> None:
        del pace
        self._condition = condition
        self._auto_close = auto_close

    def met(self, now: float) -> Mapping[Identity, float]:
        newest = self._condition.query.newest()
        silent = {group: now - end for group, end in newest.items()}
        met = {
            group: seconds
            for group, seconds in silent.items()
            if self._condition.duration <= seconds <= self._condition.duration + self._auto_close
        }
        return met if self._condition.trigger.is_met(len(met), len(silent)) else {}


def _resource(group: Identity) -> tuple[str, object]:
    return group.resource_type, group.resource_labels
