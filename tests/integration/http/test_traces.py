"""Traces of functions as they are deployed, sent by OTLP to a receiver, as its callers and its readers see them."""

import json
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.integration.http.conftest import AUDIENCE, PROJECT
from tests.integration.http.functions import CONNECTIONS, REPOSITORY, Function
from tests.integration.http.receiver import DEADLINE_SECONDS, Receiver, Spans
from tests.system.running import until
from tests.unit.http.issuer import Issuer

from local_cloud.processes.server import free_port

USERS = f"https://securetoken.google.com/{PROJECT}"
STATS = "/api/v1/feedback/stats"
RATE = "/api/v1/feedback/rate"
NEARLY_NONE = "0.000000001"
# OpenTelemetry's own: a span is sent as it ends. Without it, functions send what they have every few seconds.
AT_ONCE = {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "1"}

Running = Callable[..., Function]


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver().serving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def running(
    variables: Mapping[str, str], receiver: Receiver, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """Starts the feedback function with further variables; it ends with the module."""
    numbers = count()
    with ExitStack() as ends:

        def start(**more: str) -> Function:
            folder = tmp_path_factory.mktemp(f"traced-{next(numbers)}")
            own = {"FUNCTION_AUDIENCE": AUDIENCE + "feedback", "K_SERVICE": "shop-feedback", "K_REVISION": "shop-1"}
            function = Function(folder, "feedback", {**variables, **own, "TRACES_ENDPOINT": receiver.endpoint, **more})
            return ends.enter_context(function)

        yield start


@pytest.fixture(scope="module")
def traced(running: Running) -> Function:
    return running(TRACE_SAMPLING="1", MONITORING_LOCATION="europe-west1", **AT_ONCE)


@pytest.fixture(scope="module")
def user(issuer: Issuer) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {issuer.token(USERS, PROJECT, 'user-1')}"}


@cache
def client() -> httpx.Client:
    return httpx.Client(timeout=DEADLINE_SECONDS, limits=CONNECTIONS)


def new_trace() -> str:
    return secrets.token_hex(16)


def w3c(trace: str, span: str = "b7ad6b7169203331", *, sampled: bool = True) -> dict[str, str]:
    return {"traceparent": f"00-{trace}-{span}-0{int(sampled)}"}


def rate(function: Function, headers: Mapping[str, str], **more: Any) -> httpx.Response:
    body = {"insight_id": "insight-1", "rating": 5, **more}
    return client().post(function.url + RATE, json=body, headers=headers)


def stats(function: Function, insight: str, headers: Mapping[str, str]) -> httpx.Response:
    return client().get(function.url + STATS, params={"insight_id": insight}, headers=headers)


def paths(spans: Spans) -> set[str]:
    """Each span by the names from the request's own on."""
    by_id = {span["span_id"]: span for span in spans}

    def path(span: dict[str, Any]) -> str:
        above = by_id.get(span["parent_span_id"])
        return span["name"] if above is None else f"{path(above)} > {span['name']}"

    return {path(span) for span in spans}


def lines_of(function: Function) -> list[dict[str, Any]]:
    return [json.loads(line) for line in function.log.read_text().splitlines() if line.startswith("{")]


def test_a_rating_is_told_of_from_its_caller_to_the_database(
    traced: Function, receiver: Receiver, user: Mapping[str, str]
) -> None:
    trace = new_trace()
    response = rate(traced, {**user, **w3c(trace), "tracestate": "vendor=kept", "X-Request-ID": "rating-1"})
    assert response.status_code == 200
    spans = receiver.whole(trace)
    request = next(span for span in spans if span["kind"] == "server")
    assert request["parent_span_id"] == "b7ad6b7169203331"
    assert request["trace_state"] == "vendor=kept"
    assert request["name"] == f"POST {RATE}"
    assert request["attributes"] == {
        "http.request.method": "POST",
        "http.route": RATE,
        "http.response.status_code": 200,
        "url.path": RATE,
        "url.scheme": "http",
        "utxoiq.request_id": "rating-1",
    }
    assert {
        f"POST {RATE} > {name}" for name in ("rate limit", "cache write begins", "rate", "cache write ends")
    } <= paths(spans)
    statement = next(span for span in spans if span["name"] == "rate")
    assert statement["kind"] == "client"
    assert statement["attributes"]["db.system.name"] == "postgresql"
    assert statement["attributes"]["db.query.summary"] == "rate"
    assert not request["failed"]
    assert not statement["failed"]


def test_the_process_names_itself(traced: Function, receiver: Receiver, user: Mapping[str, str]) -> None:
    trace = new_trace()
    rate(traced, {**user, **w3c(trace)})
    resource = receiver.whole(trace)[0]["resource"]
    assert resource["service.name"] == resource["faas.name"] == "shop-feedback"
    assert resource["faas.version"] == "shop-1"
    assert resource["gcp.project_id"] == PROJECT
    assert resource["cloud.region"] == "europe-west1"
    assert resource["service.instance.id"]


def test_a_lookup_tells_where_its_answer_came_from(traced: Function, receiver: Receiver) -> None:
    insight = secrets.token_hex(4)
    request = f"GET {STATS}"
    inside = {f"{request} > cache get > {name}" for name in ("cache lookup", "stats", "cache fill")}
    missed = until(lambda: lookup(traced, receiver, secrets.token_hex(4), "miss"), DEADLINE_SECONDS)
    assert inside <= paths(missed)
    # Until the process has kept it, which it does only while it hears of changes.
    kept = until(lambda: lookup(traced, receiver, insight, "memory"), DEADLINE_SECONDS)
    assert f"{request} > cache get" in paths(kept)
    assert not inside & paths(kept)


def lookup(function: Function, receiver: Receiver, insight: str, result: str) -> Spans:
    """None of it where it ended otherwise."""
    trace = new_trace()
    assert stats(function, insight, w3c(trace)).status_code == 200
    spans = receiver.whole(trace)
    attributes = next(span for span in spans if span["name"] == "cache get")["attributes"]
    assert attributes["utxoiq.cache.group"] == "feedback_stats"
    return spans if attributes["utxoiq.cache.result"] == result else []


def test_lines_of_the_log_lead_to_the_requests_span(
    traced: Function, receiver: Receiver, user: Mapping[str, str]
) -> None:
    trace = new_trace()
    rate(traced, {**user, **w3c(trace, sampled=False), "X-Request-ID": f"log-{trace}"})
    request = next(span for span in receiver.whole(trace) if span["kind"] == "server")
    line = next(line for line in lines_of(traced) if line.get("request_id") == f"log-{trace}")
    assert line["logging.googleapis.com/trace"] == f"projects/{PROJECT}/traces/{trace}"
    assert line["logging.googleapis.com/spanId"] == request["span_id"]
    assert line["logging.googleapis.com/trace_sampled"] is True


def test_googles_header_is_joined_as_well(traced: Function, receiver: Receiver, user: Mapping[str, str]) -> None:
    trace = new_trace()
    rate(traced, {**user, "X-Cloud-Trace-Context": f"{trace.upper()}/255;o=0"})
    request = next(span for span in receiver.whole(trace) if span["kind"] == "server")
    assert request["parent_span_id"] == f"{255:016x}"


def test_headers_that_are_not_well_formed_begin_a_trace(traced: Function, receiver: Receiver) -> None:
    known = set(receiver.trace_ids())
    broken = {"traceparent": f"00-{'0' * 32}-b7ad6b7169203331-01", "X-Cloud-Trace-Context": "what?"}
    assert stats(traced, "insight-1", broken).status_code == 200
    new = until(lambda: [{"id": trace} for trace in receiver.trace_ids() if trace not in known], DEADLINE_SECONDS)
    request = next(span for span in receiver.whole(new[0]["id"]) if span["kind"] == "server")
    assert request["parent_span_id"] is None


@pytest.mark.parametrize(
    ("method", "path", "status", "name"),
    [
        ("GET", "/nowhere/at/all", 404, "GET"),
        ("DELETE", RATE, 405, "DELETE"),
        ("POST", RATE, 401, f"POST {RATE}"),
        ("HEAD", "/health", 200, "HEAD /health"),
    ],
)
def test_a_span_is_named_for_the_route_if_there_is_one(
    method: str, path: str, status: int, name: str, traced: Function, receiver: Receiver
) -> None:
    trace = new_trace()
    assert client().request(method, traced.url + path, headers=w3c(trace)).status_code == status
    request = next(span for span in receiver.whole(trace) if span["kind"] == "server")
    assert request["name"] == name
    assert request["attributes"]["http.response.status_code"] == status
    assert not request["failed"]


def test_nothing_of_what_callers_write_is_in_a_trace(
    traced: Function, receiver: Receiver, user: Mapping[str, str]
) -> None:
    trace, secret = new_trace(), secrets.token_hex(8)
    rate(traced, {**user, **w3c(trace)}, comment=secret)
    stats(traced, f"insight-{secret}", w3c(trace))
    until(lambda: [span for span in receiver.spans(trace) if span["name"] == f"GET {STATS}"], DEADLINE_SECONDS)
    assert secret not in json.dumps(receiver.spans(trace))


def test_waits_for_a_connection_are_told_of(running: Running, receiver: Receiver) -> None:
    function = running(TRACE_SAMPLING="1", DB_POOL_SIZE="1", DB_POOL_OVERFLOW="0")

    def waits() -> Spans:
        """None of them where the requests happened not to meet."""
        traces = [new_trace() for _ in range(4)]
        with ThreadPoolExecutor(len(traces)) as callers:
            list(callers.map(lambda trace: stats(function, trace, w3c(trace)), traces))
        return [span for trace in traces for span in receiver.whole(trace) if span["name"] == "pool wait"]

    assert all(span["kind"] == "internal" and not span["failed"] for span in until(waits, DEADLINE_SECONDS))


def test_a_caller_that_asks_is_followed_and_others_are_not(running: Running, receiver: Receiver) -> None:
    function = running(TRACE_SAMPLING=NEARLY_NONE, LOG_LEVEL="DEBUG")
    ignored, followed = new_trace(), new_trace()
    stats(function, "insight-1", {**w3c(ignored, sampled=False), "X-Request-ID": f"log-{ignored}"})
    stats(function, "insight-1", w3c(followed))
    assert receiver.whole(followed)
    assert not receiver.spans(ignored)
    line = next(line for line in lines_of(function) if line.get("request_id") == f"log-{ignored}")
    assert line["logging.googleapis.com/spanId"] == "b7ad6b7169203331"
    assert line["logging.googleapis.com/trace_sampled"] is False


def test_no_caller_has_all_of_its_requests_traced(running: Running, receiver: Receiver) -> None:
    function = running(TRACE_SAMPLING=NEARLY_NONE)
    traces = [new_trace() for _ in range(60)]
    for trace in traces:
        assert stats(function, "insight-1", w3c(trace)).status_code == 200
    function.stop()
    assert 10 <= sum(bool(receiver.spans(trace)) for trace in traces) < 60


def test_a_process_that_is_told_to_end_sends_what_it_has(running: Running, receiver: Receiver) -> None:
    function = running(TRACE_SAMPLING="1")
    trace = new_trace()
    assert stats(function, "insight-1", w3c(trace)).status_code == 200
    function.stop()
    assert "cache get" in {span["name"] for span in receiver.spans(trace)}


@contextmanager
def closed() -> Iterator[str]:
    yield f"http://127.0.0.1:{free_port()}/v1/traces"


@contextmanager
def silent() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1/traces"


@pytest.mark.parametrize("away", [closed, silent], ids=lambda away: str(away.__name__))
def test_an_endpoint_that_is_away_is_nobodys_trouble(
    away: Callable[[], Any], running: Running, user: Mapping[str, str]
) -> None:
    with away() as endpoint:
        function = running(TRACE_SAMPLING="1", TRACES_ENDPOINT=endpoint)
        for _ in range(200):
            assert rate(function, user).status_code == 200
        process = function.process
        assert process is not None
        function.stop(DEADLINE_SECONDS)
        assert process.returncode == 0
    # A request that took long, on a busy machine, is a warning too.
    severities = [line["severity"] for line in lines_of(function) if "httpRequest" not in line]
    assert 0 < severities.count("WARNING") < 5
    assert "ERROR" not in severities


OFF = f"""
import asyncio, os, runpy, sys
module = runpy.run_path({str(REPOSITORY / "functions" / "feedback" / "main.py")!r})
scope = {{"type": "http", "method": "GET", "path": {STATS!r}, "query_string": b"insight_id=1", "headers": [
    (b"traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")], "client": ("127.0.0.1", 1)}}
async def request():
    try:
        return (await module["app"](scope, None)).status_code
    finally:
        await module["app"].opened.close()
print(asyncio.run(request()), [name for name in sys.modules if name.startswith("opentelemetry")])
"""


def test_where_nothing_is_traced_opentelemetry_is_not_even_imported(
    variables: Mapping[str, str], tmp_path: Path
) -> None:
    environment = {**variables, "FUNCTION_AUDIENCE": AUDIENCE, "PYTHONPATH": str(REPOSITORY / "functions")}
    done = subprocess.run(
        [sys.executable, "-c", OFF], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "200 []"
