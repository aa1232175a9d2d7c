"""The local Cloud Monitoring: what is published, what is declared about it, and the incidents that come of both."""

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from local_cloud import background
from local_cloud.google.monitoring.aggregation import BadAggregation
from local_cloud.google.monitoring.evaluation import Violation, Watch
from local_cloud.google.monitoring.incidents import Incident, Incidents, new_id
from local_cloud.google.monitoring.notifications import Notifier
from local_cloud.google.monitoring.points import Identity
from local_cloud.google.monitoring.policies import Policy, PolicyReader, Threshold
from local_cloud.google.monitoring.queries import Fault, MetricQuery, Objective
from local_cloud.google.monitoring.snoozes import Snoozes
from local_cloud.google.monitoring.store import TimeSeriesStore
from local_cloud.google.monitoring.uptime import Uptime

if TYPE_CHECKING:
    from local_cloud.google.monitoring.grpc_service import MetricServer

# Between two looks at all policies, by Google's clock.
EVALUATION_SECONDS = 30.0
# Where no point has come since the last look, time alone changes what a policy finds, in whole minutes.
UNCHANGED_SECONDS = 60.0
# Schedules keep to the clock, whatever the pace: so long it takes until all of them have published once.
PATIENCE_SECONDS = 300.0


class Monitoring:
    """Keeps metrics, evaluates policies and runs uptime checks.

    pace: how many times faster than Google's its periods and durations pass. file: of the incidents; that of the
    snoozes is beside it. socket: of MetricService, where no web page gets to it, and no other user.
    """

    def __init__(
        self,
        project: str,
        file: Path,
        *,
        socket: Path,
        session: aiohttp.ClientSession,
        say: Callable[[str], None],
        pace: float = 1.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.clock = clock
        self.pace = pace
        self.store = TimeSeriesStore(project, pace=pace, clock=clock)
        self.policies: dict[str, Policy] = {}
        self.objectives: dict[str, Objective] = {}
        self.incidents = Incidents(file, clock())
        self.snoozes = Snoozes(file.with_name("snoozes.json"))
        self.notifier = Notifier(session, say)
        self.uptime = Uptime(self.store, session, say)
        # What the last look at all policies took, in seconds.
        self.cost = 0.0
        self.address = f"unix:{socket}"
        self._say = say
        self._reader = PolicyReader(self.store, self.objectives, pace)
        self._charts: list[tuple[str, MetricQuery]] = []
        self._watches: dict[str, Watch] = {}
        self._open: dict[tuple[str, str, Identity], Incident] = {}
        self._server: asyncio.Task[MetricServer] | None = None
        self._loop: asyncio.Task[None] | None = None
        self._started = clock()
        self._judged = False
        self._looked = (float("-inf"), -1)

    async def open(self) -> None:
        """Serve MetricService from now on; more than one call opens it once."""
        if self._server is None:
            self._server = asyncio.create_task(self._serve())
        await asyncio.shield(self._server)

    def start(self) -> None:
        """Evaluate policies and run checks from now on: not before the whole system is up."""
        self._started = self.clock()
        self.uptime.start()
        if self.policies:
            seconds = EVALUATION_SECONDS / self.pace
            name = "the evaluation of the alert policies"
            self._loop = background.start(name, self._evaluate, seconds, say=self._say, first=seconds)

    async def stop(self) -> None:
        """Evaluate, check, notify and serve no more."""
        tasks = [task for task in (self._loop, self._server) if task is not None]
        await self.uptime.stop()
        await self.notifier.close()
        if self._server is not None and self._server.done() and not self._server.exception():
            await self._server.result().stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def declare(self, name: str, inputs: Mapping[str, Any]) -> Policy:
        """Add an alert policy, and return it. Raises DeploymentFailed."""
        policy = self._reader.read(name, inputs)
        self.policies[name] = policy
        self._watches[name] = Watch(policy, self.pace)
        return policy

    def declare_objective(self, name: str, inputs: Mapping[str, Any]) -> Objective:
        """Add a service level objective, and return it. Raises DeploymentFailed."""
        self.objectives[name] = self._reader.objective(name, inputs)
        return self.objectives[name]

    def check_dashboard(self, name: str, content: Any) -> None:
        """Read a dashboard's charts. Raises DeploymentFailed for those that could show nothing."""
        self._charts += [(name, query) for query in self._reader.charts(name, content)]

    def evaluate(self) -> None:
        """Look at all policies once, now."""
        now = self.clock()
        began = time.perf_counter()
        for policy in self.policies.values():
            if policy.enabled:
                self._update(policy, now)
        self.cost = time.perf_counter() - began
        if not self._judged and now - self._started > PATIENCE_SECONDS:
            self._judged = True
            for fault in self.unpublished():
                if not fault["sure"]:
                    continue  # what is counted may not have happened yet
                self._say(f"NOTHING TO SEE FOR {fault['what']} ({fault['part']}): {fault['metric']}: {fault['why']}")

    def evaluate_if_due(self) -> bool:
        """Look at all policies if one of them may find something else than at the last look; return whether it did."""
        now, (looked, written) = self.clock(), self._looked
        due = written != self.store.written or now - looked >= UNCHANGED_SECONDS / self.pace
        if due:
            self._looked = now, self.store.written
            self.evaluate()
        return due

    def unpublished(self) -> list[dict[str, Any]]:
        """Return the metrics of policies and charts that would show nothing.

        Either nobody has published them, or not with the kind and the labels that are asked for.
        """
        found = [
            _describe_fault(f"the alert {policy.display_name}", condition.display_name, fault)
            for policy in self.policies.values()
            for condition in policy.conditions
            for fault in condition.query.faults()
        ]
        return found + [
            _describe_fault(f"the dashboard {name}", query.filter.text, fault)
            for name, query in self._charts
            for fault in query.faults()
        ]

    def status(self) -> list[dict[str, Any]]:
        """Return the incidents, newest first."""
        return [incident.as_status() for incident in reversed(list(self.incidents))]

    def _update(self, policy: Policy, now: float) -> None:
        try:
            violations = self._watches[policy.name].violations(now)
        except BadAggregation:
            return  # of a metric of another kind: `unpublished` tells
        for (condition, group), violation in violations.items():
            if (policy.name, condition, group) not in self._open:
                self._open[policy.name, condition, group] = incident = _make_incident(policy, violation, now)
                self.incidents.add(incident)
                self._say(f"ALERT opened: {policy.display_name}: {_summarize(incident)}")
                self._notify(policy, incident, now)
        for key, incident in list(self._open.items()):
            if key[0] == policy.name and key[1:] not in violations:
                closed = self.incidents.close(incident, now)
                del self._open[key]
                self._say(f"ALERT closed: {policy.display_name}: {incident.subject or incident.condition}")
                self._notify(policy, closed, now)

    def _notify(self, policy: Policy, incident: Incident, now: float) -> None:
        if not self.snoozes.silences(policy.name, now):
            self.notifier.notify(incident, policy.channels)

    async def _evaluate(self) -> None:
        self.evaluate_if_due()

    async def _serve(self) -> "MetricServer":
        server = await asyncio.to_thread(_import_server)
        metrics = server(self.store, self.address)
        await metrics.start()
        return metrics


def _import_server() -> "type[MetricServer]":
    from local_cloud.google.monitoring.grpc_service import MetricServer  # a third of a second of imports

    return MetricServer


def _make_incident(policy: Policy, violation: Violation, now: float) -> Incident:
    condition, group = violation.condition, violation.group
    limit = condition.limit if isinstance(condition, Threshold) else f"nothing for {condition.duration:g} s"
    return Incident(
        id=new_id(),
        policy=policy.display_name,
        policy_name=policy.name,
        condition=condition.display_name,
        severity=policy.severity,
        metric_type=group.metric_type,
        metric_labels=dict(group.metric_labels),
        resource_type=group.resource_type,
        resource_labels=dict(group.resource_labels),
        value=violation.value,
        limit=limit,
        documentation=policy.documentation,
        runbook=policy.runbook,
        user_labels=dict(policy.declared.get("userLabels") or {}),
        opened=now,
    )


def _describe_fault(what: str, part: str, fault: Fault) -> dict[str, Any]:
    return {"what": what, "part": part, "metric": fault.metric, "why": fault.why, "sure": fault.sure}


def _summarize(incident: Incident) -> str:
    parts = [f"{incident.condition}: {incident.value:.4g} ({incident.limit})", incident.subject, incident.runbook]
    return "; ".join(part for part in parts if part)
