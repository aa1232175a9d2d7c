"""Snoozes: times in which policies notify nobody, kept beyond the run in which they were made."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from local_cloud.google.monitoring.incidents import format_time
from local_cloud.state import write_private

KEPT = 500


@dataclass(frozen=True)
class Snooze:
    """A snooze of policies. Times are epoch seconds."""

    name: str
    display_name: str
    policies: tuple[str, ...]
    start: float
    end: float

    def is_active(self, policy: str, now: float) -> bool:
        """Return whether the policy notifies nobody now. policy: its resource name."""
        return policy in self.policies and self.start <= now < self.end

    def as_resource(self) -> dict[str, Any]:
        """Return it as a Snooze of Google's API."""
        return {
            "name": self.name,
            "displayName": self.display_name,
            "criteria": {"policies": list(self.policies)},
            "interval": {"startTime": format_time(self.start), "endTime": format_time(self.end)},
        }


class Snoozes:
    """Keeps snoozes, newest last, and writes them through at each change."""

    def __init__(self, file: Path) -> None:
        self._file = file
        kept: list[Mapping[str, Any]] = json.loads(file.read_text()) if file.exists() else []
        self._snoozes = {one["name"]: Snooze(**{**one, "policies": tuple(one["policies"])}) for one in kept}

    def all(self) -> list[Snooze]:
        """Return all of them, newest first."""
        return list(reversed(self._snoozes.values()))

    def find(self, name: str) -> Snooze | None:
        """Return a snooze by its resource name; None if there is none."""
        return self._snoozes.get(name)

    def silences(self, policy: str, now: float) -> bool:
        """Return whether the policy notifies nobody now. policy: its resource name."""
        return any(one.is_active(policy, now) for one in self._snoozes.values())

    def create(self, project: str, display_name: str, policies: tuple[str, ...], start: float, end: float) -> Snooze:
        """Add a snooze, and forget the oldest beyond the number that is kept."""
        name = f"projects/{project}/snoozes/{int(secrets.token_hex(7), 16)}"
        self._snoozes[name] = snooze = Snooze(name, display_name, policies, start, end)
        for oldest in list(self._snoozes)[:-KEPT]:
            del self._snoozes[oldest]
        self._write()
        return snooze

    def end(self, snooze: Snooze, end: float) -> Snooze:
        """Have a snooze end at another moment, and return it as it is then."""
        self._snoozes[snooze.name] = changed = replace(snooze, end=end)
        self._write()
        return changed

    def _write(self) -> None:
        write_private(self._file, json.dumps([asdict(snooze) for snooze in self._snoozes.values()]))
