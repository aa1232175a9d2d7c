"""The tables that show what runs, and how to call it."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

from local_cloud.google.iam import ANYBODY
from local_cloud.resources.deployment import Deployment, Function

EXAMPLE_PREFIX = "/api/v1/feedback"


def show(deployment: Deployment, routes: Mapping[str, Function], project: str, *, console: bool) -> None:
    """console: whether the base URL itself shows a page."""
    _functions(deployment, routes)
    _schedules(deployment)
    _services(deployment)
    _declared(deployment)
    _how_to_call(deployment, routes, project, console)


def _functions(deployment: Deployment, routes: Mapping[str, Function]) -> None:
    prefixes = {function.front_end.name: prefix for prefix, function in routes.items()}
    rows = []
    for name, function in deployment.functions.items():
        callers = sorted(function.front_end.invokers)
        allowed = "anybody" if ANYBODY in callers else ", ".join(map(_short, callers)) or "nobody"
        rows.append((name, prefixes.get(name, ""), function.front_end.url, allowed))
    report = deployment.report
    report.table("Functions", ("name", "under the base URL", "own URL", "who may call"), rows)


def _short(member: str) -> str:
    """An account without its kind and the rest of its address."""
    return member.partition(":")[2].partition("@")[0] or member


def _schedules(deployment: Deployment) -> None:
    now = datetime.now(UTC)
    rows = [
        (
            name,
            job.spec.cron,
            job.spec.zone,
            "paused" if job.spec.paused else f"{job.spec.next_run(now):%Y-%m-%d %H:%M}",
        )
        for name, job in deployment.scheduler.jobs.items()
    ]
    deployment.report.table("Schedules", ("job", "cron", "time zone", "next run"), rows)


def _services(deployment: Deployment) -> None:
    rows = [
        (f"PostgreSQL {name}", f"{postgres.host}:{postgres.port}", f"socket in {postgres.socket_dir}")
        for name, postgres in deployment.databases.items()
    ]
    rows += [
        (f"Valkey {name}", f"{valkey.host}:{valkey.port}", f"{valkey.memory_bytes // 2**20} MiB, {valkey.policy}")
        for name, valkey in deployment.caches.items()
    ]
    monitoring = deployment.monitoring
    if monitoring.policies:
        what = f"{len(monitoring.policies)} alert policies, {len(monitoring.uptime.checks)} uptime checks"
        faster = "" if monitoring.pace == 1 else f", {monitoring.pace:g} times as fast"
        rows.append(("Cloud Monitoring", monitoring.address, what + faster))
    rows.append(("Google's REST APIs", deployment.google_apis.url, ""))
    storage = deployment.storage_url()
    if storage is not None:
        rows.append(("Cloud Storage", storage, f"{len(deployment.buckets)} buckets"))
    rows += [(f"  {bucket}", "", "; ".join(rules)) for bucket, rules in deployment.buckets.items()]
    deployment.report.table("Services", ("service", "address", ""), rows)


def _declared(deployment: Deployment) -> None:
    if not deployment.declared:
        return
    kinds = Counter(notice.what or notice.token.rpartition(":")[2] for notice in deployment.declared)
    listed = ", ".join(f"{count} {kind}" if count > 1 else kind for kind, count in kinds.items())
    deployment.report.line()
    deployment.report.line(f"Declared only, without effect on one machine ({len(deployment.declared)}): {listed}")


def _how_to_call(deployment: Deployment, routes: Mapping[str, Function], project: str, console: bool) -> None:
    report, base = deployment.report, deployment.base_url
    report.line()
    report.heading(f"{project} runs at {base}")
    if console:
        report.line(f"  The console: {base}/")
    report.line(f"  Credentials and addresses are in {deployment.state.stack_file}. Try it:")
    report.line()
    report.line(f"  curl -s {base}/health")
    if EXAMPLE_PREFIX in routes:
        read = f"import json; print(json.load(open('{deployment.state.stack_file}'))['credentials']['user_token'])"
        report.line(
            f'  curl -s {base}{EXAMPLE_PREFIX}/rate -H "Authorization: Bearer $(python3 -c "{read}")" '
            """-H 'Content-Type: application/json' -d '{"insight_id": "insight-1", "rating": 5}'"""
        )
    for name in list(deployment.scheduler.jobs)[:1]:
        short = name.removeprefix(f"utxoiq-{deployment.stack}-")
        report.line(f"  make run-job JOB={short}")
    report.line()
    report.line("  Ctrl-C or `make down` stops it; the data stay.")
