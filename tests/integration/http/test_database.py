import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open_metrics
from prometheus_client.parser import text_string_to_metric_families as read_prometheus
from tests.integration.cloud_monitoring import Monitoring
from tests.integration.http.functions import Api, Function

from utxoiq_http.answers import CacheAnswer, PoolAnswer, QueriesAnswer, RequestsAnswer
from utxoiq_persistence.publishing.published_metrics import FLEET_INSTANCES, REDIS_UP

PATH = "/api/v1/monitoring/database"


def metrics(api: Api, what: str, until: Callable[[Any], bool] = lambda _: True) -> Any:
    """Once they are as wanted: each instance writes its own down at an interval."""
    kinds = {"pool": PoolAnswer, "queries": QueriesAnswer, "requests": RequestsAnswer, "cache": CacheAnswer}
    deadline = time.monotonic() + 120
    while True:
        response = api("GET", f"{PATH}/{what}")
        assert response.json()["status"] == "success"
        found: Any = msgspec.json.decode(response.content, type=kinds[what], strict=True)
        if until(found.metrics):
            return found.metrics
        assert time.monotonic() < deadline, response.text
        time.sleep(0.05)


def test_the_pool_is_that_of_the_fleet_and_of_each_instance(api: Api) -> None:
    assert api("GET", "/api/v1/feedback/user?user_id=u").status_code == 200
    pool = metrics(api, "pool", lambda pool: pool.instances > 1 and pool.server is not None)
    assert pool.whole
    assert len(pool.by_instance) == pool.instances
    assert pool.total_connections == pool.checked_in + pool.checked_out
    assert pool.checkouts.p50 <= pool.checkouts.p95 <= pool.checkouts.p99
    assert pool.server.connections["active"] >= 1


def test_queries_are_counted_by_statement(api: Api) -> None:
    def runs(queries: Any) -> int:
        return queries.statements["of_user"].total_queries if "of_user" in queries.statements else 0

    before = runs(metrics(api, "queries"))
    api("GET", "/api/v1/feedback/user?user_id=u")
    after = metrics(api, "queries", lambda queries: runs(queries) > before)
    assert after.slowest == list(after.statements)[:10]


def test_a_slow_query_is_one_of_200_ms(api: Api) -> None:
    assert api("GET", f"{PATH}/queries").json()["metrics"]["slow_query_threshold"] == 200


def test_requests_are_counted_by_route_and_status(api: Api) -> None:
    for job in ("0d2f6c1e-5b8a-4f0e-9c3d-7a1b2c3d4e5f", "no-uuid"):
        api("GET", f"/api/v1/monitoring/backfill/{job}")
    api("GET", "/api/v1/monitoring/backfill/status", None)
    api("GET", "/there/is/nothing/here")
    api("DELETE", "/api/v1/feedback/stats")

    expected = {
        "GET /api/v1/monitoring/backfill/{job_id}": {"404", "422"},
        "GET /api/v1/monitoring/backfill/status": {"401"},
        "OTHER *": {"404", "405"},
    }

    def are_counted(requests: Any) -> bool:
        routes = requests.routes
        return all(name in routes and statuses <= routes[name].statuses.keys() for name, statuses in expected.items())

    requests = metrics(api, "requests", are_counted)
    assert not any("nothing" in route or route == "DELETE /api/v1/feedback/stats" for route in requests.routes)
    assert requests.total_requests == sum(requests.statuses.values()) == requests.times.count


def test_cache_lookups_are_counted(api: Api) -> None:
    for _ in range(3):
        api("GET", "/api/v1/feedback/stats?insight_id=counted", None)
    cache = metrics(api, "cache", lambda cache: "feedback_stats" in cache.groups)
    assert cache.lookups == cache.memory + cache.redis + cache.misses + cache.errors


def test_what_a_function_counted_last_is_told_when_it_has_ended(
    api: Api, variables: Mapping[str, str], tmp_path: Path
) -> None:
    own = {"K_SERVICE": "ended", "FIGURES_SECONDS": "3600", "FUNCTION_AUDIENCE": "https://example.org"}
    with Function(tmp_path, "backfill", {**variables, **own}) as function:
        for _ in range(3):
            assert httpx.get(f"{function.url}/api/v1/monitoring/backfill/status", timeout=120).status_code == 401
    requests = metrics(api, "requests", lambda requests: "ended" in requests.functions)
    assert requests.functions["ended"].statuses == {"401": 3}
    assert not any(name.startswith("ended/") for name in requests.by_instance)


def test_published_figures_are_metrics_like_any_other(api: Api, monitoring: Monitoring) -> None:
    for _ in range(2):
        response = api("POST", f"{PATH}/publish-metrics", "scheduler")
        assert response.status_code == 200, response.text
        assert response.json().keys() == {"status", "message"}
    now, minute = datetime.now(UTC), timedelta(minutes=1)
    range_of_time = {"start_time": (now - 2 * minute).isoformat(), "end_time": (now + minute).isoformat()}
    found = api("GET", "/api/v1/monitoring/metrics", params={"service_name": "utxoiq-persistence", **range_of_time})
    assert "pool_utilization" in {one["metric_type"] for one in found.json()}
    assert monitoring.value(FLEET_INSTANCES, "local") >= 1
    assert monitoring.value(REDIS_UP) == 1


def test_scraped_figures_are_those_of_the_fleet(api: Api) -> None:
    before = metrics(api, "queries", lambda queries: queries.instances > 1)
    response = api("GET", "/metrics", "reader")
    after = metrics(api, "queries")
    assert response.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    families = {family.name: family for family in read_open_metrics(response.text)}  # type: ignore[no-untyped-call]
    total = sum(one.value for one in families["utxoiq_queries"].samples if one.name == "utxoiq_queries_total")
    assert before.total_queries <= total <= after.total_queries
    assert sum(one.value for one in families["utxoiq_instances"].samples) == after.instances
    plain = api("GET", "/metrics", "operator", headers={"Accept": "text/plain"})
    assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert {family.name for family in read_prometheus(plain.text)} == families.keys()
