"""Uptime checks: real requests to the declared host and path, their outcome published as Google's checkers would."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import aiohttp
from yarl import URL

from local_cloud import background
from local_cloud.errors import DeploymentFailed
from local_cloud.google.monitoring.points import Identity, MetricKind, Point, ValueType
from local_cloud.google.monitoring.store import TimeSeriesStore

# Where Google's checkers stand, by the region of an uptime check. One machine is the same seen from everywhere.
LOCATIONS: Mapping[str, tuple[str, ...]] = {
    "USA": ("usa-iowa", "usa-oregon", "usa-virginia"),
    "USA_IOWA": ("usa-iowa",),
    "USA_OREGON": ("usa-oregon",),
    "USA_VIRGINIA": ("usa-virginia",),
    "EUROPE": ("eur-belgium",),
    "ASIA_PACIFIC": ("apac-singapore",),
    "SOUTH_AMERICA": ("sa-brazil-sao_paulo",),
}
ANYWHERE = ("USA", "EUROPE", "ASIA_PACIFIC", "SOUTH_AMERICA")
FEWEST_LOCATIONS = 3
PERIODS = (60.0, 300.0, 600.0, 900.0)
KNOWN = frozenset(
    {
        *("path", "port", "requestMethod", "useSsl", "validateSsl", "acceptedResponseStatusCodes", "headers"),
        *("maskHeaders", "serviceAgentAuthentication"),
    }
)
METRIC = "monitoring.googleapis.com/uptime_check"
MAX_BODY = 2**20


@dataclass(frozen=True)
class UptimeCheck:
    """A request to make again and again.

    authenticated: whether it comes as Cloud Monitoring's own account. accepted: ranges of statuses. content: what the
    answer has to hold. period: seconds of this machine's clock.
    """

    id: str
    host: str
    url: URL
    method: str
    headers: Mapping[str, str]
    accepted: tuple[tuple[int, int], ...]
    content: str | None
    period: float
    timeout: float
    locations: tuple[str, ...]
    declared: Mapping[str, Any]
    authenticated: bool = False

    def passes(self, status: int, body: str) -> bool:
        """Return whether an answer is as it should be."""
        in_range = any(first <= status <= last for first, last in self.accepted)
        return in_range and (self.content is None or self.content in body)


class Uptime:
    """Runs uptime checks. say: prints a line for the person at the terminal.

    agent_token: makes an ID token of Cloud Monitoring's own account, for an audience.
    """

    def __init__(self, store: TimeSeriesStore, session: aiohttp.ClientSession, say: Callable[[str], None]) -> None:
        self.checks: dict[str, UptimeCheck] = {}
        self.agent_token: Callable[[str], str] | None = None
        self._store = store
        self._session = session
        self._say = say
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Run each check from now on."""
        self._tasks = [
            background.start(f"the uptime check {check.id}", partial(self.run, check), check.period, say=self._say)
            for check in self.checks.values()
        ]

    async def stop(self) -> None:
        """Run no more checks."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def run(self, check: UptimeCheck) -> None:
        """Make the check's request once, now, and publish how it went."""
        began = time.monotonic()
        timeout = aiohttp.ClientTimeout(total=check.timeout)
        headers = {"User-Agent": "GoogleStackdriverMonitoring-UptimeChecks(https://cloud.google.com/monitoring)"}
        if check.authenticated and self.agent_token is not None:
            headers["Authorization"] = f"Bearer {self.agent_token(str(check.url.origin()))}"
        try:
            async with self._session.request(
                check.method, check.url, headers={**headers, **check.headers}, timeout=timeout
            ) as answer:
                body = (await answer.content.read(MAX_BODY)).decode(errors="replace")
                passed = check.passes(answer.status, body)
        except (aiohttp.ClientError, TimeoutError, OSError):
            passed = False
        self._publish(check, passed, (time.monotonic() - began) * 1000)

    def _publish(self, check: UptimeCheck, passed: bool, milliseconds: float) -> None:
        now = self._store.clock()
        for location in check.locations:
            labels = {"check_id": check.id, "checked_resource_id": check.host, "checker_location": location}
            self._write("check_passed", ValueType.BOOL, labels, check, Point(now, now, float(passed)))
            if passed:
                self._write("request_latency", ValueType.DOUBLE, labels, check, Point(now, now, milliseconds))

    def _write(
        self, name: str, value_type: ValueType, labels: Mapping[str, str], check: UptimeCheck, point: Point
    ) -> None:
        identity = Identity.from_labels(f"{METRIC}/{name}", labels, "uptime_url", {"host": check.host})
        self._store.write(identity, MetricKind.GAUGE, value_type, point)


def read_check(check_id: str, name: str, inputs: Mapping[str, Any], pace: float) -> UptimeCheck:
    """Return a declared check. Raises DeploymentFailed for what Google would refuse, or what is not known here."""
    http: Mapping[str, Any] | None = inputs.get("httpCheck")
    resource: Mapping[str, Any] = inputs.get("monitoredResource") or {}
    if http is None or resource.get("type") != "uptime_url":
        raise DeploymentFailed(f"the uptime check {name}: the local Monitoring knows httpCheck of an uptime_url")
    unknown = sorted(key for key, value in http.items() if key not in KNOWN and value)
    if unknown:
        raise DeploymentFailed(f"the uptime check {name}: the local Monitoring does not know {', '.join(unknown)}")
    host = str(resource["labels"]["host"])
    secure = bool(http.get("useSsl"))
    return UptimeCheck(
        id=check_id,
        host=host,
        url=URL.build(
            scheme="https" if secure else "http",
            host=host,
            port=int(http.get("port") or (443 if secure else 80)),
            path="/" + str(http.get("path") or "/").lstrip("/"),
        ),
        method=str(http.get("requestMethod") or "GET"),
        headers={str(key): str(value) for key, value in (http.get("headers") or {}).items()},
        accepted=_accepted(name, http.get("acceptedResponseStatusCodes") or ()),
        content=_content(name, inputs.get("contentMatchers") or ()),
        period=_period(name, inputs.get("period")) / pace,
        timeout=float(str(inputs["timeout"]).removesuffix("s")),
        locations=_locations(name, inputs.get("selectedRegions") or ANYWHERE),
        authenticated=_is_authenticated(name, http.get("serviceAgentAuthentication")),
        declared={key: value for key, value in inputs.items() if key not in ("project", "deletionPolicy")},
    )


def _is_authenticated(name: str, declared: Any) -> bool:
    if not declared:
        return False
    if declared.get("type") != "OIDC_TOKEN":
        raise DeploymentFailed(f"the uptime check {name}: the local Monitoring knows OIDC_TOKEN only, not {declared}")
    return True


def _accepted(name: str, codes: Any) -> tuple[tuple[int, int], ...]:
    accepted = []
    for code in codes:
        if code.get("statusValue"):
            accepted.append((int(code["statusValue"]), int(code["statusValue"])))
        elif code.get("statusClass") == "STATUS_CLASS_ANY":
            accepted.append((100, 599))
        elif str(code.get("statusClass")).startswith("STATUS_CLASS_"):
            hundred = int(str(code["statusClass"])[len("STATUS_CLASS_")]) * 100
            accepted.append((hundred, hundred + 99))
        else:
            raise DeploymentFailed(f"the uptime check {name}: {code} is no status")
    return tuple(accepted) or ((200, 299),)


def _content(name: str, matchers: Any) -> str | None:
    if not matchers:
        return None
    if matchers[0].get("matcher", "CONTAINS_STRING") != "CONTAINS_STRING":
        raise DeploymentFailed(f"the uptime check {name}: the local Monitoring knows CONTAINS_STRING only")
    return str(matchers[0]["content"])


def _period(name: str, declared: object) -> float:
    period = float(str(declared or "60s").removesuffix("s"))
    if period not in PERIODS:
        raise DeploymentFailed(f"the uptime check {name}: it runs every 60, 300, 600 or 900 s, not every {declared}")
    return period


def _locations(name: str, regions: Any) -> tuple[str, ...]:
    unknown = [region for region in regions if region not in LOCATIONS]
    if unknown:
        raise DeploymentFailed(f"the uptime check {name}: there is no region {', '.join(map(str, unknown))}")
    locations = tuple(dict.fromkeys(location for region in regions for location in LOCATIONS[str(region)]))
    if len(locations) < FEWEST_LOCATIONS:
        raise DeploymentFailed(f"the uptime check {name}: it runs from at least {FEWEST_LOCATIONS} places")
    return locations
