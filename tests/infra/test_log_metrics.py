"""The declared log metrics, over what a function and the platform log of the same requests."""

import asyncio
import json
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from local_cloud.google.logging.entry_log import EntryLog, write
from local_cloud.google.logging.function_log import FunctionLog
from local_cloud.google.logging.language import parse
from local_cloud.google.logging.matching import compile_filter
from local_cloud.google.logging.metrics import LogMetric, LogMetricCollector
from local_cloud.google.logging.search import search
from local_cloud.google.monitored_resources import function_resource
from utxoiq_http.observability.logs import AccessLog
from utxoiq_infra.configuration.settings import Configuration
from utxoiq_infra.monitoring.alert_table import LogMatch
from utxoiq_infra.monitoring.change_table import change_alerts
from utxoiq_infra.monitoring.oversight import LOG_METRICS

FUNCTION = function_resource("shop", "us-central1", "shop-feedback", "shop-feedback-1").as_json()


def logged(folder: Path, log_id: str, kind: type[FunctionLog] | type[EntryLog]) -> FunctionLog | EntryLog:
    name = f"projects/shop/logs/{quote(f'run.googleapis.com/{log_id}', safe='')}"
    source = kind(folder / f"{log_id}.log", {"resource": FUNCTION, "logName": name})
    source.path.touch()
    return source


def own_lines(status: int, capfdbinary: pytest.CaptureFixture[bytes]) -> bytes:
    async def request() -> None:
        log = AccessLog("shop", 0)
        log.begin({})
        log.end("GET", "/", status, 0, time.perf_counter(), "anonymous", address="203.0.113.7", changes=())
        await asyncio.sleep(0)

    asyncio.run(request())
    return capfdbinary.readouterr().out


@pytest.mark.parametrize(
    ("statuses", "beside", "counts"),
    [
        ([200, 404], [], {"errors": 0, "refusals": 0}),
        ([401, 403, 429], [], {"errors": 0, "refusals": 2}),
        ([500, 503], [], {"errors": 2, "refusals": 0}),
        ([], [{"severity": "ERROR", "message": "a loop failed"}], {"errors": 1, "refusals": 0}),
        (
            [500],
            [{"severity": "ERROR", "message": "why", "request_id": "of that request"}],
            {"errors": 1, "refusals": 0},
        ),
    ],
    ids=["served", "refused", "failed", "beside a request", "with its reason"],
)
def test_each_request_counts_once(
    tmp_path: Path,
    capfdbinary: pytest.CaptureFixture[bytes],
    statuses: list[int],
    beside: list[dict[str, str]],
    counts: dict[str, int],
) -> None:
    own, platform = logged(tmp_path, "stdout", FunctionLog), logged(tmp_path, "requests", EntryLog)
    metrics = []
    for metric in LOG_METRICS:
        node = parse(metric.filter.format(prefix="shop", project="shop", functions="feedback|keys", jobs="backup"))
        metrics.append(LogMetric(metric.name, node, compile_filter(node)))
    for status in statuses:
        severity = "ERROR" if status >= 500 else "WARNING" if status >= 400 else "INFO"
        write(platform.path, {"severity": severity, "httpRequest": {"status": status}})
    lines = b"".join(own_lines(status, capfdbinary) for status in statuses)
    own.path.write_bytes(lines + "".join(f"{json.dumps(line)}\n" for line in beside).encode())
    found = {one.metric: one.value for one in LogMetricCollector(lambda: [own, platform], metrics, list).collect()}
    assert {name: found.get(name, 0) for name in counts} == counts


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        ("v1.compute.networkFirewallPolicies.addRule", "audited_resource"),
        ("beta.compute.regionNetworkFirewallPolicies.patch", "audited_resource"),
        ("dns.changes.create", "dns_managed_zone"),
        ("v1.compute.routers.patch", "gce_router"),
        ("v1.compute.firewalls.insert", "gce_firewall_rule"),
    ],
)
def test_a_change_of_what_functions_may_reach_is_one_of_the_network(tmp_path: Path, method: str, kind: str) -> None:
    (alert,) = (one for one in change_alerts(Configuration("shop", "prod")) if one.slug == "network-changed")
    (condition,) = alert.conditions
    assert isinstance(condition, LogMatch)
    name = f"projects/shop/logs/{quote('cloudaudit.googleapis.com/activity', safe='')}"
    source = EntryLog(tmp_path / "activity.log", {"logName": name})
    write(source.path, {"protoPayload": {"methodName": method}, "resource": {"type": kind, "labels": {}}})
    write(source.path, {"protoPayload": {"methodName": "dns.projects.get"}, "resource": {"type": "dns", "labels": {}}})
    found = search([source], condition.filter, newest_first=True, size=10).entries
    assert [entry.body["protoPayload"]["methodName"] for entry in found] == [method]
