"""Log-based metrics count what comes, once."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from local_cloud.google.filters.errors import BadFilter
from local_cloud.google.logging.entry_log import EntryLog, write
from local_cloud.google.logging.extracting import compile_extractor
from local_cloud.google.logging.function_log import FunctionLog
from local_cloud.google.logging.language import parse
from local_cloud.google.logging.matching import compile_filter
from local_cloud.google.logging.metrics import LogMetric, LogMetricCollector
from local_cloud.google.logging.rotation import LARGEST
from local_cloud.google.monitored_resources import function_resource, job_resource

FUNCTION = function_resource("shop", "us-central1", "shop-feedback", "shop-feedback-1")


def metric(name: str, text: str, **labels: str) -> LogMetric:
    node = parse(text)
    return LogMetric(name, node, compile_filter(node), {label: compile_extractor(how) for label, how in labels.items()})


class Logs:
    def __init__(self, folder: Path) -> None:
        self.function = FunctionLog(folder / "shop-feedback.log", {"resource": FUNCTION.as_json()})
        self.scheduler = EntryLog(folder / "scheduler.log", {"logName": "projects/shop/logs/executions"})
        self.function.path.write_text("")
        self.metrics: list[LogMetric] = []

    def collector(self, largest: int = LARGEST) -> LogMetricCollector:
        files = [self.function.path]
        return LogMetricCollector(lambda: [self.function, self.scheduler], self.metrics, lambda: files, largest)

    def log(self, *lines: object) -> None:
        with self.function.path.open("a") as file:
            file.writelines(f"{json.dumps(line)}\n" for line in lines)


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    return Logs(tmp_path)


def told(collector: LogMetricCollector) -> set[tuple[str, str, float, tuple[str, ...]]]:
    return {
        (found.metric, found.resource.type, float(str(found.value)), tuple(found.labels.values()))
        for found in collector.collect()
    }


def test_a_line_counts_once_and_silence_is_zero(logs: Logs) -> None:
    logs.log({"severity": "ERROR", "message": "of before"})
    logs.metrics.append(metric("errors", 'resource.type="cloud_run_revision" severity>=ERROR'))
    collector = logs.collector()
    assert told(collector) == set()
    logs.log({"severity": "ERROR", "message": "a"}, {"severity": "INFO"}, {"severity": "critical", "message": "b"})
    assert told(collector) == {("errors", "cloud_run_revision", 2, ())}
    assert told(collector) == {("errors", "cloud_run_revision", 0, ())}
    logs.log({"severity": "ERROR", "message": "c"})
    assert told(collector) == {("errors", "cloud_run_revision", 1, ())}


def test_half_a_line_counts_when_it_is_whole(logs: Logs) -> None:
    logs.metrics.append(metric("refusals", "httpRequest.status=(401 OR 403)"))
    collector = logs.collector()
    whole = json.dumps({"severity": "WARNING", "httpRequest": {"status": 403}}) + "\n"
    with logs.function.path.open("a") as file:
        file.write(whole[:20])
        file.flush()
        assert told(collector) == set()
        file.write(whole[20:])
    assert told(collector) == {("refusals", "cloud_run_revision", 1, ())}


def test_a_file_that_begins_anew_is_read_from_its_start(logs: Logs) -> None:
    logs.metrics.append(metric("errors", "severity>=ERROR"))
    logs.log(*({"severity": "INFO", "message": "x" * 100} for _ in range(9)))
    collector = logs.collector()
    assert told(collector) == set()
    logs.function.path.write_text("")
    logs.log({"severity": "ERROR", "message": "a"})
    assert told(collector) == {("errors", "cloud_run_revision", 1, ())}


def test_a_failed_attempt_counts_for_its_job(logs: Logs) -> None:
    logs.metrics.append(
        metric("failed", 'resource.type="cloud_scheduler_job" resource.labels.job_id=~"^shop-" severity>=ERROR')
    )
    collector = logs.collector()
    for job, severity in (("shop-backup", "ERROR"), ("shop-backup", "INFO"), ("other", "ERROR")):
        resource = job_resource("shop", "us-central1", job).as_json()
        write(logs.scheduler.path, {"resource": resource, "severity": severity})
    (found,) = collector.collect()
    assert (found.resource, found.value) == (job_resource("shop", "us-central1", "shop-backup"), 1)


def test_labels_are_taken_from_the_entries(logs: Logs) -> None:
    logs.metrics.append(
        metric(
            "refusals",
            "httpRequest.status>=400",
            status="EXTRACT(httpRequest.status)",
            area='REGEXP_EXTRACT(httpRequest.requestUrl, "^/([a-z]+)")',
        )
    )
    collector = logs.collector()
    logs.log(*({"httpRequest": {"status": 404, "requestUrl": url}} for url in ("/rate/1", "/rate/2", "/")))
    assert told(collector) == {
        ("refusals", "cloud_run_revision", 2, ("rate", "404")),
        ("refusals", "cloud_run_revision", 1, ("", "404")),
    }


@pytest.mark.parametrize(
    "text",
    ["status", "EXTRACT()", "EXTRACT(nonsense)", "REGEXP_EXTRACT(textPayload)", 'REGEXP_EXTRACT(textPayload, "a")'],
)
def test_an_extractor_that_google_would_refuse_is_refused(text: str) -> None:
    with pytest.raises(BadFilter):
        compile_extractor(text)


def test_what_nobody_asks_for_is_not_read(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.metrics.append(metric("failed", 'resource.type="cloud_scheduler_job"'))
    collector = logs.collector()
    logs.log({"severity": "ERROR"})

    def refuse(*_: object) -> Iterable[object]:
        raise AssertionError("it was read")

    monkeypatch.setattr(FunctionLog, "entries", refuse)
    assert told(collector) == set()


def test_a_log_that_is_full_begins_anew_and_each_of_its_lines_counts_once(logs: Logs) -> None:
    logs.metrics.append(metric("errors", 'resource.type="cloud_run_revision" severity>=ERROR'))
    collector = logs.collector(largest=4096)
    with logs.function.path.open("a") as appending:  # as a process does, whose file stays open
        for _ in range(5):
            appending.writelines(f'{{"severity": "ERROR", "message": "{"x" * 500}"}}\n' for _ in range(20))
            appending.flush()
            assert told(collector) == {("errors", "cloud_run_revision", 20, ())}
    beside = logs.function.path.with_name(f"{logs.function.path.name}.1")
    assert logs.function.path.stat().st_size == 0
    assert beside.stat().st_size < 20 * 600
