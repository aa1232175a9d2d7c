from typing import Any

import pytest

from utxoiq_http.endpoints import backfill, feedback, metrics
from utxoiq_http.problems import Problem
from utxoiq_http.routes import Router

ROUTER: Router[Any] = Router([*backfill.ROUTES, *feedback.ROUTES, *metrics.ROUTES])


def test_finds_a_route_by_method_and_path() -> None:
    endpoint, _ = ROUTER.find("POST", "/api/v1/monitoring/metrics")
    assert endpoint.route.handler is metrics.record_metric


def test_the_last_segment_may_be_a_parameter() -> None:
    endpoint, segment = ROUTER.find("GET", "/api/v1/monitoring/backfill/some-id")
    assert (endpoint.route.handler, segment) == (backfill.get_backfill_job, "some-id")


def test_a_fixed_path_wins_over_a_parameter() -> None:
    endpoint, segment = ROUTER.find("GET", "/api/v1/monitoring/backfill/status")
    assert (endpoint.route.handler, segment) == (backfill.list_backfill_jobs, None)


def test_head_is_answered_wherever_get_is() -> None:
    endpoint, _ = ROUTER.find("HEAD", "/api/v1/feedback/stats")
    assert endpoint.route.handler is feedback.get_feedback_statistics


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "/api/v1/feedbacks",
        "/api/v1/feedback/stats//",
        "/api/v1/feedback/stats/more",
        "/api/v1/monitoring/backfill/",
        "/api/v1/monitoring/backfill/an-id/more",
        "/API/v1/feedback/stats",
        "//api/v1/feedback/stats",
    ],
)
def test_there_is_nothing_at_other_paths(path: str) -> None:
    with pytest.raises(Problem) as raised:
        ROUTER.find("GET", path)
    assert raised.value.status == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/v1/monitoring/metrics", b"GET, HEAD, POST"),
        ("GET", "/api/v1/feedback/rate", b"POST"),
        ("OPTIONS", "/api/v1/feedback/stats", b"GET, HEAD"),
        ("PUT", "/api/v1/monitoring/backfill/an-id", b"GET, HEAD"),
        ("BREW", "/api/v1/feedback/stats", b"GET, HEAD"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(method: str, path: str, allowed: bytes) -> None:
    with pytest.raises(Problem) as raised:
        ROUTER.find(method, path)
    assert raised.value.status == 405
    assert list(raised.value.headers) == [(b"allow", allowed)]


@pytest.mark.parametrize("path", ["/api/v1/feedback/stats", "/api/v1/monitoring/backfill/an-id"])
def test_a_slash_at_the_end_is_the_same_path(path: str) -> None:
    assert ROUTER.find("GET", f"{path}/") == ROUTER.find("GET", path)
    assert ROUTER.methods(f"{path}/") == ROUTER.methods(path)
