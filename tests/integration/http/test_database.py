from datetime import UTC, datetime, timedelta

import msgspec
from tests.integration.http.functions import Api

from utxoiq_http.views import PoolAnswer, QueriesAnswer

PATH = "/api/v1/monitoring/database"


def test_the_pool_is_that_of_the_fleet(api: Api) -> None:
    response = api("GET", f"{PATH}/pool")
    assert response.json()["status"] == "success"
    pool = msgspec.json.decode(response.content, type=PoolAnswer).metrics
    assert pool.total_connections == pool.checked_in + pool.checked_out


def test_queries_are_counted(api: Api) -> None:
    def total() -> int:
        response = api("GET", f"{PATH}/queries")
        return msgspec.json.decode(response.content, type=QueriesAnswer).metrics.total_queries

    before = total()
    api("POST", f"{PATH}/publish-metrics", "scheduler")
    assert total() > before


def test_a_slow_query_is_one_of_200_ms(api: Api) -> None:
    assert api("GET", f"{PATH}/queries").json()["metrics"]["slow_query_threshold"] == 200


def test_published_figures_are_metrics_like_any_other(api: Api) -> None:
    start = datetime.now(UTC)
    response = api("POST", f"{PATH}/publish-metrics", "scheduler")
    assert response.status_code == 200
    assert response.json().keys() == {"status", "message"}
    range_of_time = {"start_time": start.isoformat(), "end_time": (start + timedelta(minutes=1)).isoformat()}
    found = api("GET", "/api/v1/monitoring/metrics", params={"service_name": "utxoiq-persistence", **range_of_time})
    assert "pool_utilization" in {one["metric_type"] for one in found.json()}
