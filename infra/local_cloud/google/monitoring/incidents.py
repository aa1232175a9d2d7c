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
    """closed: None while it is open. Times are epoch seconds."""

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
        """What it is about, in a few words: its labels, but for the project."""
        labels = {**self.resource_labels, **self.metric_labels}
        return ", ".join(f"{key}={value}" for key, value in labels.items() if key != "project_id")

    def as_alert(self) -> dict[str, Any]:
        """An Alert of Google's API."""
        project = self.policy_name.partition("/alertPolicies/")[0]
        alert = {
            "name": f"{project}/alerts/{self.id}",
            "state": "OPEN" if self.closed is None else "CLOSED",
            "openTime": moment(self.opened),
            "policy": {
                "name": self.policy_name,
                "displayName": self.policy,
                "severity": self.severity or "SEVERITY_UNSPECIFIED",
                "userLabels": dict(self.user_labels),
            },
            "metric": {"type": self.metric_type, "labels": dict(self.metric_labels)},
            "resource": {"type": self.resource_type, "labels": dict(self.resource_labels)},
        }
        return alert if self.closed is None else {**alert, "closeTime": moment(self.closed)}

    def as_status(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "state": "open" if self.closed is None else "closed",
            "subject": self.subject,
            "opened": moment(self.opened),
            "closed": None if self.closed is None else moment(self.closed),
        }


class Incidents:
    """Newest last; written through at each change. Those that an earlier run left open are closed as they are read."""

    def __init__(self, file: Path, now: float) -> None:
        self._file = file
        kept = json.loads(file.read_text()) if file.exists() else []
        self._incidents = {one["id"]: Incident(**one) for one in kept}
        for incident in self.open():
            self._incidents[incident.id] = replace(incident, closed=now)

    def __iter__(self) -> Iterator[Incident]:
        return iter(list(self._incidents.values()))

    def open(self) -> list[Incident]:
        return [incident for incident in self._incidents.values() if incident.closed is None]

    def find(self, incident_id: str) -> Incident | None:
        return self._incidents.get(incident_id)

    def add(self, incident: Incident) -> None:
        self._incidents[incident.id] = incident
        for oldest in list(self._incidents)[:-KEPT]:
            del self._incidents[oldest]
        self._keep()

    def close(self, incident: Incident, now: float) -> Incident:
        closed = replace(incident, closed=now)
        self._incidents[incident.id] = closed
        self._keep()
        return closed

    def _keep(self) -> None:
        write_private(self._file, json.dumps([asdict(incident) for incident in self._incidents.values()]))


def new_id() -> str:
    return f"0.{secrets.token_hex(6)}"


def moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
