import asyncio
import json
import logging
import time
from collections.abc import Sequence
from typing import Any

import pytest

from utxoiq_http.observability import logs
from utxoiq_http.observability.logs import SLOW_SECONDS, AccessLog, JsonFormatter
from utxoiq_persistence.writes.audit import Entry, Origin


def lines_of(
    headers: dict[bytes, bytes],
    capfdbinary: pytest.CaptureFixture[bytes],
    status: int = 200,
    changes: Sequence[Entry] = (),
    level: int = logging.INFO,
    seconds: float = 0.0,
) -> list[Any]:
    async def request() -> None:
        log = AccessLog("project", level)
        log.begin(headers)
        record = logging.LogRecord("name", logging.WARNING, "file", 1, "said %s", ("this",), None)
        print(JsonFormatter().format(record), flush=True)  # noqa: T201
        began = time.perf_counter() - seconds
        log.end("GET", "/path", status, 12, began, "user:ann", address="203.0.113.7", changes=changes)
        await asyncio.sleep(0)

    asyncio.run(request())
    return [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]


@pytest.mark.parametrize(
    ("status", "seconds", "severity"), [(200, SLOW_SECONDS, "WARNING"), (404, 0.0, "WARNING"), (503, 0.0, "ERROR")]
)
def test_a_request_that_was_refused_or_failed_or_slow_leaves_a_line_as_cloud_logging_reads_it(
    status: int, seconds: float, severity: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    line = lines_of({}, capfdbinary, status, seconds=seconds)[-1]
    assert line["severity"] == severity
    assert line["httpRequest"]["status"] == status
    assert line["httpRequest"]["requestUrl"] == "/path"
    assert line["httpRequest"]["remoteIp"] == "203.0.113.7"
    assert line["logging.googleapis.com/labels"] == {"caller": logs.label("user:ann")}
    assert "audit" not in line


@pytest.mark.parametrize(("level", "messages"), [(logging.INFO, []), (logging.DEBUG, ["GET /path 200"])])
def test_of_any_other_request_the_platform_has_the_line(
    level: int, messages: list[str], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    lines = lines_of({}, capfdbinary, level=level)
    assert [line["message"] for line in lines if "httpRequest" in line] == messages


def test_changes_are_told_whatever_the_level(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    change = Entry(Origin("user:ann"), "feedback.rate", "insight-1", {"user_id": "ann"})
    line = lines_of({}, capfdbinary, changes=[change], level=logging.ERROR)[-1]
    (told,) = line["audit"]
    assert (told["action"], told["subject"]) == ("feedback.rate", "insight-1")
    # The same alias wherever the user is meant.
    assert line["logging.googleapis.com/labels"] == {"caller": f"user:{told['details']['user_id']}"}


def test_lines_name_a_user_by_an_alias_and_others_by_name() -> None:
    assert logs.label("user:ann") == logs.label("user:ann") != logs.label("user:bob")
    assert "ann" not in logs.label("user:ann")
    assert logs.label("service:indexer") == "service:indexer"


def test_every_line_of_a_request_carries_its_id_and_trace(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    headers = {
        b"x-request-id": b"abc-1",
        b"traceparent": b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }
    lines = lines_of(headers, capfdbinary, status=404)
    assert len(lines) == 2
    for line in lines:
        assert line["request_id"] == "abc-1"
        assert line["logging.googleapis.com/trace"] == "projects/project/traces/0af7651916cd43dd8448eb211c80319c"
        assert line["logging.googleapis.com/spanId"] == "b7ad6b7169203331"
        assert line["logging.googleapis.com/trace_sampled"] is True


def test_googles_own_trace_header_is_read_as_well(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    headers = {b"x-cloud-trace-context": b"0AF7651916CD43DD8448EB211C80319C/255;o=1"}
    line = lines_of(headers, capfdbinary, status=404)[-1]
    assert line["logging.googleapis.com/trace"].endswith("/0af7651916cd43dd8448eb211c80319c")
    assert line["logging.googleapis.com/spanId"] == "00000000000000ff"


@pytest.mark.parametrize("given", [b"", b"a b", b"x" * 129, b'"quoted"', b"\xff", b"a\nb"])
def test_an_id_that_is_not_fit_is_replaced(given: bytes) -> None:
    request_id = AccessLog("project", logging.INFO).begin({b"x-request-id": given})
    assert len(request_id) == 32
    assert request_id != AccessLog("project", logging.INFO).begin({b"x-request-id": given})


def test_below_its_level_nothing_is_written(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    async def request() -> None:
        log, now = AccessLog("project", logging.ERROR), time.perf_counter()
        log.end("GET", "/", 404, 0, now, "anonymous", address="unknown", changes=[])
        await asyncio.sleep(0)

    asyncio.run(request())
    assert capfdbinary.readouterr().out == b""
