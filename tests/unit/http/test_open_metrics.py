"""What is scraped, read by Prometheus' own parsers."""

from collections.abc import Callable, Iterable, Mapping

import pytest
from msgspec.structs import replace
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open_metrics
from prometheus_client.parser import text_string_to_metric_families as read_prometheus

from utxoiq_http.observability import open_metrics
from utxoiq_http.observability.open_metrics import OPEN_METRICS, PROMETHEUS
from utxoiq_persistence.figures import (
    CacheFigures,
    Histogram,
    InstanceFigures,
    LookupFigures,
    PoolFigures,
    QueryFigures,
    RequestFigures,
)

Parser = Callable[[str], Iterable[Metric]]

STARTED = 1_790_000_000.25
ODD = 'a "statement"\\ of\ntwo lines'
WHOSE = {"function": "feedback", "instance": "i1"}
READERS = pytest.mark.parametrize(
    ("media_type", "parse"),
    [(OPEN_METRICS, read_open_metrics), (PROMETHEUS, read_prometheus)],
    ids=["OpenMetrics", "Prometheus"],
)


def durations(*seconds: float) -> Histogram:
    histogram = Histogram()
    for one in seconds:
        histogram.add(one)
    return histogram


def instance(name: str, *, ended: bool = False) -> InstanceFigures:
    return InstanceFigures(
        "feedback",
        name,
        started_at=STARTED,
        published_at=STARTED + 5,
        pool=PoolFigures(size=10, max_overflow=10, checked_in=3, checked_out=5, overflow=1, waiting=2, timeouts=4),
        replica=PoolFigures(size=5, checked_out=5, waiting=3, timeouts=7),
        queries={ODD: QueryFigures(errors=1, slow=2, durations=durations(0.001, 0.15, 0.3, 7.0, 90.0))},
        checkouts=durations(0.00001, 0.02),
        requests={"GET /stats": RequestFigures({"200": 2, "404": 1}, durations(0.003, 0.004, 0.3))},
        cache=CacheFigures({"feedback_stats": LookupFigures(1, 2, 3, 4)}, evictions=6, forged=8),
        ended=ended,
    )


def scraped(media_type: str, parse: Parser, *fleet: InstanceFigures) -> dict[str, Metric]:
    fleet = fleet or (instance("i1"), instance("gone", ended=True))
    text = open_metrics.text(fleet, True, media_type).decode()
    return {family.name: family for family in parse(text)}


def values(family: Metric, sample: str) -> Mapping[tuple[str, ...], float]:
    """Of the instance that runs, by the labels that are not the instance's."""
    return {
        tuple(value for label, value in one.labels.items() if label not in WHOSE): one.value
        for one in family.samples
        if one.name == sample and one.labels.get("instance", "i1") == "i1"
    }


@READERS
def test_the_figures_are_all_there(media_type: str, parse: Parser) -> None:
    found = scraped(media_type, parse)
    gauges = {name: values(family, name) for name, family in found.items() if family.type == "gauge"}
    assert gauges == {
        "utxoiq_instances": {(): 1},
        "utxoiq_redis_up": {(): 1},
        "utxoiq_pool_connections": {
            ("primary", "in_use"): 5,
            ("primary", "idle"): 3,
            ("primary", "overflow"): 1,
            ("replica", "in_use"): 5,
            ("replica", "idle"): 0,
            ("replica", "overflow"): 0,
        },
        "utxoiq_pool_limit": {("primary",): 20, ("replica",): 5},
        "utxoiq_pool_utilization_ratio": {("primary",): 0.25, ("replica",): 1},
        "utxoiq_pool_waiting": {("primary",): 2, ("replica",): 3},
    }
    counters = {name: values(family, f"{name}_total") for name, family in found.items() if family.type == "counter"}
    assert counters == {
        "utxoiq_pool_timeouts": {("primary",): 4, ("replica",): 7},
        "utxoiq_queries": {(ODD, "fast"): 2, (ODD, "slow"): 2, (ODD, "error"): 1},
        "utxoiq_requests": {("GET", "/stats", "200"): 2, ("GET", "/stats", "404"): 1},
        "utxoiq_cache_lookups": {
            ("feedback_stats", "memory"): 1,
            ("feedback_stats", "redis"): 2,
            ("feedback_stats", "miss"): 3,
            ("feedback_stats", "error"): 4,
        },
        "utxoiq_cache_evictions": {(): 6},
        "utxoiq_cache_forged": {(): 8},
    }
    histograms = {name for name, family in found.items() if family.type == "histogram"}
    assert histograms == {
        "utxoiq_pool_checkout_seconds",
        "utxoiq_query_duration_seconds",
        "utxoiq_request_duration_seconds",
    }


@READERS
def test_buckets_count_what_is_at_most_as_long(media_type: str, parse: Parser) -> None:
    family = scraped(media_type, parse)["utxoiq_query_duration_seconds"]
    buckets = {labels[-1]: value for labels, value in values(family, f"{family.name}_bucket").items()}
    assert buckets["0.0005"] == 0
    assert (buckets["0.1"], buckets["0.2"], buckets["0.5"], buckets["10.0"], buckets["60.0"]) == (1, 2, 3, 4, 4)
    assert buckets["+Inf"] == values(family, f"{family.name}_count")[(ODD,)] == 5
    assert values(family, f"{family.name}_sum")[(ODD,)] == pytest.approx(97.451)


def test_open_metrics_tell_units_and_since_when_is_counted() -> None:
    found = scraped(OPEN_METRICS, read_open_metrics)
    assert {family.unit for family in found.values() if family.type == "histogram"} == {"seconds"}
    for family in found.values():
        created = values(family, f"{family.name}_created")
        assert set(created.values()) == (set() if family.type == "gauge" else {STARTED})


@READERS
def test_an_instance_that_has_ended_keeps_its_counters_and_has_no_pool(media_type: str, parse: Parser) -> None:
    found = scraped(media_type, parse)
    told = {
        family.type for family in found.values() if any(one.labels.get("instance") == "gone" for one in family.samples)
    }
    assert told == {"counter", "histogram"}


@READERS
def test_where_there_is_no_replica_none_is_told(media_type: str, parse: Parser) -> None:
    found = scraped(media_type, parse, replace(instance("i1"), replica=None), instance("other"))
    pools = {one.labels["pool"] for one in found["utxoiq_pool_waiting"].samples if one.labels["instance"] == "i1"}
    assert pools == {"primary"}
    assert values(found["utxoiq_pool_timeouts"], "utxoiq_pool_timeouts_total") == {("primary",): 4}


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", OPEN_METRICS),
        ("*/*", OPEN_METRICS),
        ("text/plain", PROMETHEUS),
        ("text/plain;version=0.0.4;q=0.5,*/*;q=0.1", PROMETHEUS),
        ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2", OPEN_METRICS),
        ("application/openmetrics-text;q=0.2, text/plain;q=0.9", PROMETHEUS),
        ("text/plain;q=...", PROMETHEUS),
    ],
    ids=["none", "any", "plain", "plain or any", "as Prometheus asks", "rather plain", "malformed"],
)
def test_a_scraper_gets_the_format_that_it_likes(accept: str, media_type: str) -> None:
    assert open_metrics.media_type(accept) == media_type
