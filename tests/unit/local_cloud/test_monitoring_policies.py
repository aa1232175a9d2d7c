"""When incidents open and close, and which policies are refused."""

from pathlib import Path
from typing import Any

import pytest
from tests.unit.local_cloud.monitored import PREFIX, PROJECT, START, Monitored, aggregation, chosen, threshold

from local_cloud.errors import DeploymentFailed
from local_cloud.google.monitoring.descriptors import Descriptor
from local_cloud.google.monitoring.incidents import Incidents
from local_cloud.google.monitoring.points import MetricKind, ValueType

HIGH = threshold(chosen("queue"), aggregation("ALIGN_MEAN"), above=10, seconds=120)
OBJECTIVE = f"projects/{PROJECT}/services/till/serviceLevelObjectives/availability"


@pytest.fixture
def monitored(tmp_path: Path) -> Monitored:
    return Monitored(tmp_path)


def opened(monitored: Monitored, value: float, minutes: int, **labels: Any) -> list[int]:
    """How many incidents are open after each minute with the value."""
    counts = []
    for _ in range(minutes):
        monitored.clock.now += 60
        monitored.gauge("queue", value, **labels)
        counts.append(len(monitored.after(0)))
    return counts


def test_an_incident_opens_when_the_duration_has_passed_and_closes_at_once(monitored: Monitored) -> None:
    monitored.declare(HIGH)
    assert opened(monitored, 11, 4) == [0, 0, 1, 1]
    assert opened(monitored, 10, 1) == [0]
    assert opened(monitored, 11, 2) == [0, 0]
    assert opened(monitored, 5, 1) == [0]
    assert opened(monitored, 11, 3) == [0, 0, 1]
    assert [incident.closed is None for incident in monitored.monitoring.incidents] == [False, True]


def test_policies_are_looked_at_when_a_point_came_or_a_minute_passed(monitored: Monitored) -> None:
    monitored.declare(HIGH)
    looks = [monitored.monitoring.evaluate_if_due() for _ in range(2)]
    monitored.gauge("queue", 11)
    looks += [monitored.monitoring.evaluate_if_due() for _ in range(2)]
    for seconds in (59, 1):
        monitored.clock.now += seconds
        looks.append(monitored.monitoring.evaluate_if_due())
    assert looks == [True, False, True, False, False, True]


def test_a_pace_shortens_durations(tmp_path: Path) -> None:
    monitored = Monitored(tmp_path, pace=60)
    monitored.declare(HIGH)
    for _ in range(3):
        monitored.clock.now += 1
        monitored.gauge("queue", 11)
        monitored.after(0)
    assert len(monitored.after(0)) == 1


def test_each_group_has_an_incident_of_its_own(monitored: Monitored) -> None:
    by_job = aggregation("ALIGN_MAX", reducer="REDUCE_SUM", by=("resource.labels.job",))
    monitored.declare(threshold(chosen("queue"), by_job, above=10))
    monitored.clock.now += 60
    for job, value in (("a", 20), ("b", 30), ("c", 1)):
        monitored.gauge("queue", value, job=job)
    found = {incident.subject: incident.value for incident in monitored.after(0)}
    assert found == {"job=a": 20, "job=b": 30}


@pytest.mark.parametrize(
    ("trigger", "count"), [({"count": 2}, 2), ({"count": 3}, 0), ({"percent": 60}, 2), ({"percent": 70}, 0)], ids=str
)
def test_a_trigger_asks_for_so_many_groups(monitored: Monitored, trigger: dict[str, float], count: int) -> None:
    monitored.declare(threshold(chosen("queue"), aggregation("ALIGN_MAX"), above=10, trigger=trigger))
    monitored.clock.now += 60
    for job, value in (("a", 20), ("b", 30), ("c", 1)):
        monitored.gauge("queue", value, job=job)
    assert len(monitored.after(0)) == count


@pytest.mark.parametrize(("missing", "open_after"), [("NO_OP", 1), ("INACTIVE", 0), ("ACTIVE", 1)])
def test_data_that_stop_end_an_incident_only_where_that_is_declared(
    monitored: Monitored, missing: str, open_after: int
) -> None:
    declared = {"evaluationMissingData": f"EVALUATION_MISSING_DATA_{missing}"}
    monitored.declare(threshold(chosen("queue"), aggregation("ALIGN_MEAN"), above=10, seconds=60, **declared))
    assert opened(monitored, 11, 2)[-1] == 1
    assert [len(monitored.after(50)) for _ in range(3)] == [1, 1, open_after]  # a point may be late


def test_data_that_stop_may_be_an_incident(monitored: Monitored) -> None:
    active = {"evaluationMissingData": "EVALUATION_MISSING_DATA_ACTIVE"}
    monitored.declare(threshold(chosen("queue"), aggregation("ALIGN_MEAN"), above=10, seconds=60, **active))
    assert opened(monitored, 1, 2) == [0, 0]
    assert [len(monitored.after(60)) for _ in range(4)] == [0, 0, 1, 1]
    assert opened(monitored, 1, 1) == [0]


def test_an_incident_without_data_is_forgotten_in_the_end(monitored: Monitored) -> None:
    monitored.declare(HIGH, alertStrategy={"autoClose": "3600s"})
    assert opened(monitored, 11, 3)[-1] == 1
    assert len(monitored.after(3500)) == 1
    assert monitored.after(200) == []


def ratio(above: float, floor: float) -> list[dict[str, Any]]:
    by_job = aggregation("ALIGN_DELTA", reducer="REDUCE_SUM", by=("resource.labels.job",))
    of: dict[str, Any] = {"denominatorFilter": chosen("requests"), "denominatorAggregations": [by_job]}
    failed = threshold(chosen("requests", ' AND metric.labels.ok = "no"'), by_job, above=above, **of)
    return [failed, threshold(chosen("requests"), by_job, above=floor)]


def requested(monitored: Monitored, job: str, good: int, bad: int) -> None:
    monitored.cumulative("requests", good, job=job, ok="yes")
    monitored.cumulative("requests", bad, job=job, ok="no")


@pytest.mark.parametrize(
    ("combiner", "jobs"), [("AND_WITH_MATCHING_RESOURCE", ["job=bad"]), ("AND", ["job=bad", "job=rare"])]
)
def test_a_ratio_with_a_floor_of_traffic(monitored: Monitored, combiner: str, jobs: list[str]) -> None:
    monitored.declare(*ratio(0.1, 20), combiner=combiner)
    monitored.clock.now += 60
    requested(monitored, "good", 100, 2)
    requested(monitored, "bad", 80, 20)
    requested(monitored, "rare", 0, 1)
    assert sorted(incident.subject for incident in monitored.after(0)) == jobs


def test_nothing_asked_is_no_ratio(monitored: Monitored) -> None:
    monitored.declare(ratio(0.1, 20)[0])
    monitored.clock.now += 60
    requested(monitored, "idle", 0, 0)
    assert monitored.after(0) == []


def test_an_absence_is_of_what_was_there(monitored: Monitored) -> None:
    aggregated = [aggregation("ALIGN_MAX", reducer="REDUCE_MAX")]
    absent = {"filter": chosen("queue"), "aggregations": aggregated, "duration": "300s"}
    monitored.declare({"displayName": "gone", "conditionAbsent": absent})
    assert monitored.after(3600) == []
    monitored.gauge("queue", 1, job="a")
    assert [len(monitored.after(seconds)) for seconds in (240, 120)] == [0, 1]
    monitored.gauge("queue", 1, job="b")  # another process of the same
    assert monitored.after(30) == []


def test_an_error_budget_burns(monitored: Monitored) -> None:
    requests = chosen("requests")
    ratios = {"totalServiceFilter": requests, "badServiceFilter": f'{requests} AND metric.labels.ok = "no"'}
    objective = {"goal": 0.99, "requestBasedSli": {"goodTotalRatio": ratios}}
    monitored.monitoring.declare_objective(OBJECTIVE, objective)
    monitored.declare(threshold(f'select_slo_burn_rate("{OBJECTIVE}", "3600s")', above=10))
    good = bad = 0
    rates = []
    for minute in range(130):
        good, bad = (good + 80, bad + 20) if minute in range(60, 70) else (good + 100, bad)
        monitored.clock.now += 60
        requested(monitored, "till", good, bad)
        monitored.after(0)
        rates += [incident.value for incident in monitored.monitoring.incidents.open()]
    assert rates == []  # 200 of 6000 are 3.3 times the budget of an hour
    for _ in range(60):
        good, bad = good + 80, bad + 20
        monitored.clock.now += 60
        requested(monitored, "till", good, bad)
        monitored.after(0)
    (incident,) = monitored.monitoring.incidents
    assert incident.value == pytest.approx(10.33, abs=0.4)


def test_what_nobody_publishes_is_said_loudly(monitored: Monitored) -> None:
    monitored.declare(
        threshold(chosen("sales"), aggregation("ALIGN_MEAN"), above=1),
        threshold(chosen("queue", ' AND metric.labels.shelf = "3"'), aggregation("ALIGN_MEAN"), above=1),
        threshold(chosen("queue"), aggregation("ALIGN_RATE"), above=1),
    )
    monitored.gauge("queue", 1)
    faults = [(fault["metric"], fault["why"]) for fault in monitored.monitoring.unpublished()]
    assert faults == [
        (f"{PREFIX}sales", "nobody publishes this metric"),
        (f"{PREFIX}queue", "the metric has no label shelf"),
        (f"{PREFIX}queue", "ALIGN_RATE cannot be applied to a metric that is GAUGE DOUBLE"),
    ]
    monitored.after(200)
    assert monitored.said == []  # not every schedule has run yet
    monitored.after(200)
    assert len(monitored.said) == 3
    assert f"NOTHING TO SEE FOR the alert alert (above 1): {PREFIX}sales" in monitored.said[0]
    monitored.gauge("sales", 1)
    assert len(monitored.monitoring.unpublished()) == 2


def test_a_descriptor_alone_is_no_publication_but_one_may_come(monitored: Monitored) -> None:
    monitored.declare(threshold(chosen("sales"), aggregation("ALIGN_MEAN"), above=1))
    monitored.store.describe(Descriptor(f"{PREFIX}sales", MetricKind.GAUGE, ValueType.DOUBLE))
    (fault,) = monitored.monitoring.unpublished()
    assert not fault["sure"]
    monitored.after(400)
    assert monitored.said == []


def test_a_chart_of_what_nobody_publishes_is_found(monitored: Monitored) -> None:
    series = {"filter": chosen("sales"), "aggregation": aggregation("ALIGN_MAX")}
    chart = {"timeSeriesQuery": {"timeSeriesFilter": series}}
    monitored.monitoring.check_dashboard("till", {"mosaicLayout": {"tiles": [{"widget": {"xyChart": [chart]}}]}})
    (fault,) = monitored.monitoring.unpublished()
    assert fault["what"] == "the dashboard till"
    series["filter"] = "metric.kind = 1"
    with pytest.raises(DeploymentFailed, match=r"the dashboard till: 'metric\.kind'"):
        monitored.monitoring.check_dashboard("till", chart)


def test_people_are_told_with_the_runbook(monitored: Monitored) -> None:
    link = {"displayName": "Runbook", "url": "http://127.0.0.1/runbooks/alerts/queue.md"}
    monitored.declare(HIGH, documentation={"content": "The queue is long.", "links": [link]})
    opened(monitored, 11, 3)
    opened(monitored, 1, 1)
    assert [line.partition(":")[0] for line in monitored.said] == ["ALERT opened", "ALERT closed"]
    assert "above 10: 11 (> 10)" in monitored.said[0]
    assert monitored.said[0].endswith("http://127.0.0.1/runbooks/alerts/queue.md")


def test_incidents_outlive_the_run_and_end_with_it(monitored: Monitored) -> None:
    monitored.declare(HIGH)
    opened(monitored, 11, 3)
    (kept,) = Incidents(monitored.folder / "incidents.json", START + 999)
    assert (kept.condition, kept.value, kept.closed) == ("above 10", 11, START + 999)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"comparison": "COMPARISON_GE"}, "COMPARISON_GE"),
        ({"duration": "90s"}, "whole minutes"),
        ({"duration": "1m"}, "no duration"),
        ({"aggregations": [aggregation("ALIGN_MEAN", 30)]}, "at least 60 s"),
        ({"aggregations": [aggregation("ALIGN_MEDIAN")]}, "ALIGN_MEDIAN"),
        ({"filter": 'resource.type = "global"'}, r"metric\.type"),
        ({"filter": 'select_slo_health("x")'}, "select_slo_burn_rate"),
        ({"filter": f'select_slo_burn_rate("{OBJECTIVE}", "60s")'}, "no objective"),
        ({"duration": "0s", "evaluationMissingData": "EVALUATION_MISSING_DATA_ACTIVE"}, "at least 60 s"),
        ({"forecastOptions": {"forecastHorizon": "3600s"}}, "forecastOptions"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else str(value),
)
def test_a_condition_that_google_would_refuse_is_refused(
    monitored: Monitored, change: dict[str, Any], why: str
) -> None:
    condition = {**HIGH["conditionThreshold"], **change}
    with pytest.raises(DeploymentFailed, match=f"the alert policy alert: .*{why}"):
        monitored.declare({"displayName": "it", "conditionThreshold": condition})


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        ({"combiner": "XOR"}, "XOR"),
        ({"conditions": []}, "0 conditions"),
        ({"conditions": [{"displayName": "q", "conditionMonitoringQueryLanguage": {}}]}, "QueryLanguage"),
        ({"alertStrategy": {"autoClose": "60s"}}, "autoClose"),
        ({"documentation": {"content": "x" * 8193}}, "8192"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else str(value),
)
def test_a_policy_that_google_would_refuse_is_refused(monitored: Monitored, policy: dict[str, Any], why: str) -> None:
    inputs = {"displayName": "alert", "combiner": "OR", "conditions": [HIGH], **policy}
    with pytest.raises(DeploymentFailed, match=why):
        monitored.monitoring.declare("projects/shop/alertPolicies/2", inputs)
