"""Incidents, kept beyond the run that opened them."""

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local_cloud.state import write_private

KEPT = 500


@dataclass(frozen=True)
class Incident:
    """A condition that was, or is, violated. closed: None while it is open. Times are epoch seconds."""

    id: str
    policy: str
    policy_name: str
    condition: str
    severity: str
    metric_type: str
    metric_labels: Mapping[str, str]
    resource_type: str
    resource_labels: Mapping[str, str]
    value: float
    limit: str
    documentation: str
    runbook: str
    user_labels: Mapping[str, str]
    opened: float
    closed: float | None = None

    @property
    def subject(self) -> str:
        """Return what it is about, in a few words: its labels, but for the project."""
        labels = {**self.resource_labels, **self.metric_labels}
        return ", ".join(f"{key}={value}" for key, value in labels.items() if key != "project_id")

    def as_alert(self) -> dict[str, Any]:
        """Return it as an Alert of Google's API."""
        project = self.policy_name.partition("/alertPolicies/")[0]
        alert = {
            "name": f"{project}/alerts/{self.id}",
            "state": "OPEN" if self.closed is None else "CLOSED",
            "openTime": format_time(self.opened),
            "policy": {
                "name": self.policy_name,
                "displayName": self.policy,
                "severity": self.severity or "SEVERITY_UNSPECIFIED",
                "userLabels": dict(self.user_labels),
            },
            "metric": {"type": self.metric_type, "labels": dict(self.metric_labels)},
            "resource": {"type": self.resource_type, "labels": dict(self.resource_labels)},
        }
        return alert if self.closed is None else {**alert, "closeTime": format_time(self.closed)}

    def as_status(self) -> dict[str, Any]:
        """Return it as the deployer's status shows it."""
        return {
            **asdict(self),
            "state": "open" if self.closed is None else "closed",
            "subject": self.subject,
            "opened": format_time(self.opened),
            "closed": None if self.closed is None else format_time(self.closed),
        }


class Incidents:
    """Keeps incidents, newest last, and writes them through at each change.

    Those that an earlier run left open are closed as they are read.
    """

    def __init__(self, file: Path, now: float) -> None:
        self._file = file
        kept = json.loads(file.read_text()) if file.exists() else []
        self._incidents = {one["id"]: Incident(**one) for one in kept}
        for incident in self.open():
            self._incidents[incident.id] = replace(incident, closed=now)

    def __iter__(self) -> Iterator[Incident]:
        return iter(list(self._incidents.values()))

    def open(self) -> list[Incident]:
        """Return those that are open."""
        return [incident for incident in self._incidents.values() if incident.closed is None]

    def find(self, incident_id: str) -> Incident | None:
        """Return an incident by its id; None if there is none."""
        return self._incidents.get(incident_id)

    def add(self, incident: Incident) -> None:
        """Store an incident, and forget the oldest beyond the number that is kept."""
        self._incidents[incident.id] = incident
        for oldest in list(self._incidents)[:-KEPT]:
            del self._incidents[oldest]
        self._write()

    def close(self, incident: Incident, now: float) -> Incident:
        """Close an incident, and return it as it is then."""
        closed = replace(incident, closed=now)
        self._incidents[incident.id] = closed
        self._write()
        return closed

    def _write(self) -> None:
        write_private(self._file, json.dumps([asdict(incident) for incident in self._incidents.values()]))


def new_id() -> str:
    """Return an id as Google's incidents have."""
    return f"0.{secrets.token_hex(6)}"


def format_time(seconds: float) -> str:
    """Return epoch seconds as Google's APIs write a time, in milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
