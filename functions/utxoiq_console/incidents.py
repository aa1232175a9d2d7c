"""The incidents of Cloud Monitoring: the open ones, and those that were closed before."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from utxoiq_console import moments
from utxoiq_console.config import Settings
from utxoiq_console.google_apis import GoogleApis

PAGE = 500


@dataclass(frozen=True)
class Incident:
    """Describes an incident.

    `slug` names its runbook, `policy` is the alert policy that opened it. `where` has the labels of what it is about,
    or its metric; `metric` is the metric's type, and `labels` has those of the series that it is about.
    """

    id: str
    slug: str
    title: str
    severity: str
    where: str
    runbook: str
    opened: datetime
    closed: datetime | None
    policy: str
    metric: str
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Incidents:
    """Has the open incidents and the closed ones, newest first."""

    open: list[Incident]
    closed: list[Incident]

    def find(self, incident_id: str) -> Incident | None:
        """Return an incident by its id; None if there is none."""
        return next((one for one in (*self.open, *self.closed) if one.id == incident_id), None)


async def read(settings: Settings, google: GoogleApis) -> Incidents:
    """Return the stack's incidents. Raises SourceUnavailable."""
    answer = await google.call(
        "monitoring",
        lambda api: (
            api.projects().alerts().list(parent=f"projects/{settings.project}", orderBy="open_time desc", pageSize=PAGE)
        ),
    )
    found = [_incident(settings, one) for one in answer.get("alerts", []) if _is_own(settings, one)]
    return Incidents([one for one in found if one.closed is None], [one for one in found if one.closed is not None])


def _is_own(settings: Settings, alert: Mapping[str, Any]) -> bool:
    """Return whether the alert belongs to this stack: stacks may share a project."""
    policy = alert.get("policy", {})
    return bool(policy.get("displayName") == f"{settings.prefix}-{_slug(policy)}")


def _slug(policy: Mapping[str, Any]) -> str:
    return str(policy.get("userLabels", {}).get("alert", ""))


def _incident(settings: Settings, alert: Mapping[str, Any]) -> Incident:
    policy = alert.get("policy", {})
    slug = _slug(policy)
    metric = alert.get("metric", {})
    labels = {**alert.get("resource", {}).get("labels", {}), **metric.get("labels", {})}
    where = [
        f"{name.replace('_', ' ')} {settings.short(value)}"
        for name, value in sorted(labels.items())
        if _is_specific(name)
    ]
    return Incident(
        id=str(alert["name"]).rpartition("/")[2],
        slug=slug,
        title=slug.replace("-", " "),
        severity=str(policy.get("severity", "")).lower().removeprefix("severity_"),
        where=", ".join(where) or str(metric.get("type", "")).partition(".com/")[2],
        runbook=f"{settings.runbooks}/{slug}.md" if settings.runbooks else "",
        opened=moments.parse_time(str(alert["openTime"])),
        closed=moments.parse_time(str(alert["closeTime"])) if alert.get("closeTime") else None,
        policy=str(policy.get("name", "")),
        metric=str(metric.get("type", "")),
        labels=labels,
    )


def _is_specific(label: str) -> bool:
    """Return whether the label distinguishes incidents: the location is the same for all."""
    return label not in ("project_id", "location", "region", "namespace")
