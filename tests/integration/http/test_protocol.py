import json
import select
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import httpx
from tests.integration.http.functions import Api, Function
from tests.system.running import until

from utxoiq_http.observability.logs import SLOW_SECONDS

# Health is looked at once a second; a busy machine takes longer over it.
PATIENCE = 60
STATS = "/api/v1/feedback/stats?insight_id=protocol"


def test_head_is_get_without_its_body(api: Api) -> None:
    whole, head = api("GET", STATS, None), api("HEAD", STATS, None)
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == whole.headers["content-length"] == str(len(whole.content))


def test_every_request_reaches_the_function_itself(functions: dict[str, Function]) -> None:
    """functions-framework would answer these by itself, without a word of what is wrong."""
    for function in functions.values():
        for method, path in (("GET", "/robots.txt"), ("GET", "/favicon.ico"), ("TRACE", "/health")):
            refused = httpx.request(method, function.url + path)
            assert refused.status_code in (404, 405)
            assert refused.headers["content-type"] == "application/problem+json", (function.name, path)


def test_a_request_id_is_made_up_or_taken_over(api: Api) -> None:
    assert len(api("GET", STATS, None).headers["x-request-id"]) == 32
    assert api("GET", STATS, None, headers={"X-Request-ID": "mine-1"}).headers["x-request-id"] == "mine-1"
    assert api("GET", STATS, None, headers={"X-Request-ID": "not fit"}).headers["x-request-id"] != "not fit"


def test_every_answer_says_what_it_is_and_is_not_sniffed(api: Api) -> None:
    for path in (STATS, "/nothing", "/health"):
        headers = api("GET", path, None).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-type"] in ("application/json", "application/problem+json")


def test_each_function_is_healthy(functions: dict[str, Function]) -> None:
    def unhealthy() -> list[str]:
        healthy = {"status": "healthy", "parts": {"database": "ok", "redis": "ok"}}
        urls = {name: f"{function.url}/health" for name, function in functions.items()}
        return [name for name, url in urls.items() if httpx.get(url, timeout=PATIENCE).json() != healthy]

    # What was found stands for a second, and tests before this one stop Redis and the database.
    until(lambda: not unhealthy(), PATIENCE)


def test_a_function_shows_its_own_document(api: Api) -> None:
    document = api("GET", "/openapi.json", None).json()
    assert document["openapi"].startswith("3.1")
    assert "/api/v1/feedback/rate" in document["paths"]
    assert "/api/v1/monitoring/metrics" not in document["paths"]


def lines_of(function: Function, request_id: str) -> list[Any]:
    lines = [json.loads(line) for line in function.log.read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if line.get("request_id") == request_id]


def test_a_refused_request_leaves_its_line_in_the_log(api: Api, functions: dict[str, Function]) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {"X-Request-ID": "logged-1", "traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    api("GET", STATS, "user", headers={**headers, "X-Request-ID": "logged-0"})
    api("GET", "/api/v1/feedback/stats", "user", headers=headers)
    # A line is written in the loop's next turn, which may be after the answer.
    (line,) = until(lambda: lines_of(functions["feedback"], "logged-1"), PATIENCE)
    others = lines_of(functions["feedback"], "logged-0")
    assert [one for one in others if float(one["httpRequest"]["latency"].removesuffix("s")) < SLOW_SECONDS] == []
    assert line["severity"] == "WARNING"
    assert line["httpRequest"]["requestUrl"] == "/api/v1/feedback/stats"
    caller = line["logging.googleapis.com/labels"]["caller"]
    assert caller.startswith("user:")
    assert caller != "user:user-1"
    assert line["logging.googleapis.com/trace"] == f"projects/utxoiq-test/traces/{trace}"


def test_the_log_holds_no_credentials_and_no_bodies(api: Api, functions: dict[str, Function]) -> None:
    body = {"insight_id": "x", "rating": 5, "comment": "a very private remark", "user_id": "u"}
    api("POST", "/api/v1/feedback/rate", json=body)
    api("POST", "/api/v1/feedback/rate", json={**body, "rating": 6})
    log = functions["feedback"].log.read_text()
    assert "private" not in log
    assert "service-key" not in log


def test_a_body_in_chunks_is_read_as_one(api: Api) -> None:
    body = b'{"insight_id":"x","rating":5}'
    chunks = (body[at : at + 5] for at in range(0, len(body), 5))
    headers = {"Content-Type": "application/json"}
    assert api("POST", "/api/v1/feedback/rate", "user", content=chunks, headers=headers).status_code == 200


def test_an_idle_connection_is_not_closed_while_a_front_end_may_use_it(functions: dict[str, Function]) -> None:
    """gunicorn would close it after 2 s, and a request that is on its way then is lost."""
    url = httpx.URL(functions["feedback"].url)
    with closing(HTTPConnection(url.host, url.port or 80)) as connection:
        for _ in range(2):
            connection.request("GET", "/openapi.json")
            with connection.getresponse() as answer:
                assert (answer.status, answer.read()[:1]) == (200, b"{")
            closed, _, _ = select.select([connection.sock], [], [], 2.5)
            assert not closed
