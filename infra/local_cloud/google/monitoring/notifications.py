"""Notification channels: a webhook on this machine is really called, everything else is a line to the person here."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import aiohttp
from yarl import URL

from local_cloud import background
from local_cloud.google.monitoring.incidents import Incident, format_time

WEBHOOKS = frozenset({"webhook_tokenauth", "webhook_basicauth"})
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
TIMEOUT = aiohttp.ClientTimeout(total=10)


@dataclass(frozen=True)
class NotificationChannel:
    """Where notifications go. labels: the address, in the type's words."""

    name: str
    type: str
    labels: Mapping[str, str]
    secrets: Mapping[str, str] = field(default_factory=dict)
    enabled: bool = True
    display_name: str = ""

    @property
    def target(self) -> str:
        """Return the address without what may be secret in it."""
        address = self.labels.get("email_address") or self.labels.get("url") or self.display_name or self.name
        return str(URL(address).with_query(None)) if self.type in WEBHOOKS else address


class Notifier:
    """Tells channels of incidents."""

    def __init__(self, session: aiohttp.ClientSession, say: Callable[[str], None]) -> None:
        self.channels: dict[str, NotificationChannel] = {}
        self._session = session
        self._say = say
        self._tasks: set[asyncio.Task[None]] = set()

    def notify(self, incident: Incident, names: tuple[str, ...]) -> None:
        """Tell channels that an incident has opened or closed. names: of the channels."""
        for name in names:
            channel = self.channels.get(name)
            if channel is None:
                self._say(f"{incident.policy} names the notification channel {name}, which there is not")
            elif not channel.enabled:
                continue
            elif channel.type in WEBHOOKS and URL(channel.labels["url"]).host in LOOPBACK:
                call = partial(self._call, channel, incident)
                task = background.start_once(f"the notification of {channel.target}", call, say=self._say)
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            else:
                what = "opened" if incident.closed is None else "closed"
                self._say(f"would tell {channel.target} ({channel.type}): {incident.policy} {what}")

    async def close(self) -> None:
        """Cancel notifications that are under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _call(self, channel: NotificationChannel, incident: Incident) -> None:
        headers = {"Content-Type": "application/json"}
        if channel.type == "webhook_basicauth":
            name, password = channel.labels.get("username", ""), channel.secrets.get("password", "")
            headers["Authorization"] = aiohttp.encode_basic_auth(name, password)
        try:
            async with self._session.post(
                channel.labels["url"],
                data=json.dumps(payload(incident)),
                headers=headers,
                timeout=TIMEOUT,
            ) as answer:
                if answer.status >= 400:
                    self._say(f"{channel.target} answered {answer.status} to the notification of {incident.policy}")
        except (aiohttp.ClientError, TimeoutError) as error:
            self._say(f"{channel.target} took no notification of {incident.policy}: {error or 'no answer'}")


def payload(incident: Incident) -> dict[str, Any]:
    """Return what Google posts to a webhook, version 1.2."""
    return {
        "version": "1.2",
        "incident": {
            "incident_id": incident.id,
            "scoping_project_id": incident.policy_name.split("/")[1],
            "state": "open" if incident.closed is None else "closed",
            "started_at": int(incident.opened),
            "ended_at": None if incident.closed is None else int(incident.closed),
            "policy_name": incident.policy,
            "condition_name": incident.condition,
            "severity": incident.severity or "No severity",
            "observed_value": f"{incident.value:g}",
            "threshold_value": incident.limit,
            "metric": {"type": incident.metric_type, "labels": dict(incident.metric_labels)},
            "resource": {"type": incident.resource_type, "labels": dict(incident.resource_labels)},
            "policy_user_labels": dict(incident.user_labels),
            "documentation": {"content": incident.documentation, "mime_type": "text/markdown"},
            "summary": f"{incident.condition}: {incident.value:g} {incident.limit}, {incident.subject}",
            "url": incident.runbook,
            "opened": format_time(incident.opened),
        },
    }
