"""The tables that show what runs, and how to call it."""

import shlex
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from local_cloud.google.iam import ANYBODY
from local_cloud.pulumi.project import Project
from local_cloud.resources.cloud import LocalCloud
from local_cloud.serving.functions import DeployedFunction

EXAMPLE_PREFIX = "/api/v1/feedback"


def show(cloud: LocalCloud, routes: Mapping[str, DeployedFunction], project: Project, *, console: bool) -> None:
    """Print what runs and how to call it. console: whether the base URL itself shows a page."""
    _show_functions(cloud, routes)
    _show_schedules(cloud)
    _show_services(cloud)
    _show_declared_only(cloud)
    _show_how_to_call(cloud, routes, project, console)


def _show_functions(cloud: LocalCloud, routes: Mapping[str, DeployedFunction]) -> None:
    prefixes: dict[str, list[str]] = {}
    for prefix, function in routes.items():
        prefixes.setdefault(function.front_end.name, []).append(prefix)
    rows = []
    for name, function in cloud.endpoints.functions.items():
        callers = sorted(function.front_end.invokers)
        allowed = "anybody" if ANYBODY in callers else ", ".join(map(_shorten, callers)) or "nobody"
        rows.append((name, "\n".join(prefixes.get(name, [])), function.front_end.url, allowed))
    report = cloud.report
    report.table("Functions", ("name", "under the base URL", "own URL", "who may call"), rows)


def _shorten(member: str) -> str:
    """Return an account without its kind and the rest of its address."""
    return member.partition(":")[2].partition("@")[0] or member


def _show_schedules(cloud: LocalCloud) -> None:
    now = datetime.now(UTC)
    rows = [
        (
            name,
            job.spec.cron,
            job.spec.zone,
            "paused" if job.spec.paused else f"{job.spec.next_run(now):%Y-%m-%d %H:%M}",
        )
        for name, job in cloud.google.scheduler.jobs.items()
    ]
    cloud.report.table("Schedules", ("job", "cron", "time zone", "next run"), rows)


def _show_services(cloud: LocalCloud) -> None:
    rows = [
        (f"PostgreSQL {name}", f"{postgres.host}:{postgres.port}", f"socket in {postgres.socket_dir}")
        for name, postgres in cloud.google.cloud_sql.servers.items()
    ]
    rows += [
        (f"Valkey {name}", f"{valkey.host}:{valkey.port}", f"{valkey.memory_bytes // 2**20} MiB, {valkey.policy}")
        for name, valkey in ((name, instance.server) for name, instance in cloud.google.redis.items())
    ]
    monitoring = cloud.google.monitoring
    if monitoring.policies:
        what = f"{len(monitoring.policies)} alert policies, {len(monitoring.uptime.checks)} uptime checks"
        faster = "" if monitoring.pace == 1 else f", {monitoring.pace:g} times as fast"
        rows.append(("Cloud Monitoring", monitoring.address, what + faster))
    rows.append(("Google's REST APIs", cloud.endpoints.apis.url, ""))
    storage = cloud.google.storage
    if storage.url is not None:
        rows.append(("Cloud Storage", storage.url, f"{len(storage.buckets)} buckets"))
    rows += [(f"  {bucket}", "", "; ".join(rules)) for bucket, rules in storage.buckets.items()]
    cloud.report.table("Services", ("service", "address", ""), rows)


def _show_declared_only(cloud: LocalCloud) -> None:
    if not cloud.declared_only:
        return
    kinds = Counter(notice.what or notice.token.rpartition(":")[2] for notice in cloud.declared_only)
    listed = ", ".join(f"{count} {kind}" if count > 1 else kind for kind, count in kinds.items())
    cloud.report.line()
    cloud.report.line(f"Declared only, without effect on one machine ({len(cloud.declared_only)}): {listed}")


def _show_how_to_call(
    cloud: LocalCloud, routes: Mapping[str, DeployedFunction], project: Project, console: bool
) -> None:
    report, base = cloud.report, cloud.endpoints.base_url
    report.line()
    report.heading(f"{project.name} runs at {base}")
    if console:
        report.line(f"  The console: {base}/")
    report.line(f"  Credentials and addresses are in {cloud.state.stack_file}. Try it:")
    report.line()
    report.line(f"  curl -s {base}/health")
    if EXAMPLE_PREFIX in routes:
        report.line(f"  {describe_rating(base, cloud.state.stack_file)}")
    for name in list(cloud.google.scheduler.jobs)[:1]:
        report.line(f"  make run-job JOB={name}")
    report.line()
    report.line("  Ctrl-C or `make down` stops it; the data stay.")


def describe_rating(base_url: str, stack_file: Path) -> str:
    """Return a shell's command that rates an insight as a user, whatever characters the path has."""
    read = "import json, sys; print(json.load(open(sys.argv[1]))['credentials']['user_token'])"
    token = f'$(python3 -c "{read}" {shlex.quote(str(stack_file))})'
    body = """'{"insight_id": "insight-1", "rating": 5}'"""
    return (
        f'curl -s {base_url}{EXAMPLE_PREFIX}/rate -H "Authorization: Bearer {token}" '
        f"-H 'Content-Type: application/json' -d {body}"
    )
