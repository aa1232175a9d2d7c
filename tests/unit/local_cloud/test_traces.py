import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import aiohttp
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from local_cloud.google.traces import MAX_SPANS, MAX_TRACES, PROTOBUF, TRACES, Traces
from local_cloud.processes.server import free_port
from local_cloud.serving.google_apis import GoogleApis


def export(*spans: tuple[int, int, str]) -> ExportTraceServiceRequest:
    """spans: by trace, second of their start, and name."""
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for trace, second, name in spans:
        scope.spans.add(
            trace_id=trace.to_bytes(16),
            span_id=(second + 1).to_bytes(8),
            name=name,
            kind="SPAN_KIND_SERVER",
            start_time_unix_nano=second * 10**9,
            end_time_unix_nano=second * 10**9 + 1_500_000,
        )
    return request


def asked(scenario: Callable[[aiohttp.ClientSession, str], Awaitable[None]]) -> None:
    async def run() -> None:
        apis = GoogleApis(free_port(), Traces().routes())
        await apis.open()
        try:
            async with aiohttp.ClientSession() as client:
                await scenario(client, apis.url)
        finally:
            await apis.close()

    asyncio.run(run())


def test_what_is_sent_is_shown_in_the_order_of_its_starts() -> None:
    async def scenario(client: aiohttp.ClientSession, url: str) -> None:
        body = export((1, 20, "second"), (1, 10, "first"), (2, 5, "other")).SerializeToString()
        async with client.post(f"{url}/v1/traces", data=body, headers={"Content-Type": PROTOBUF}) as answer:
            assert answer.status == 200
        async with client.get(f"{url}{TRACES}/{1:032x}") as answer:
            spans = (await answer.json())["spans"]
        assert [span["name"] for span in spans] == ["first", "second"]
        assert spans[0]["kind"] == "server"
        assert spans[0]["milliseconds"] == 1.5
        async with client.get(f"{url}{TRACES}") as answer:
            listed = (await answer.json())["traces"]
        assert [(trace["trace_id"], trace["spans"]) for trace in listed] == [(f"{2:032x}", 1), (f"{1:032x}", 2)]

    asked(scenario)


def test_a_trace_is_read_as_cloud_trace_shows_it() -> None:
    async def scenario(client: aiohttp.ClientSession, url: str) -> None:
        body = export((1, 1, "first")).SerializeToString()
        async with client.post(f"{url}/v1/traces", data=body, headers={"Content-Type": PROTOBUF}) as answer:
            assert answer.status == 200
        async with client.get(f"{url}/v1/projects/shop/traces/{1:032x}") as answer:
            found = await answer.json()
        (span,) = found["spans"]
        assert (found["projectId"], span["name"], span["kind"]) == ("shop", "first", "RPC_SERVER")
        took = datetime.fromisoformat(span["endTime"]) - datetime.fromisoformat(span["startTime"])
        assert took == timedelta(milliseconds=1.5)
        async with client.get(f"{url}/v1/projects/shop/traces/{7:032x}") as answer:
            assert answer.status == 404

    asked(scenario)


def test_what_cannot_be_read_is_refused_as_google_does() -> None:
    async def scenario(client: aiohttp.ClientSession, url: str) -> None:
        for kind, body in ((PROTOBUF, b"\xff\xff"), ("application/json", b"{}")):
            async with client.post(f"{url}/v1/traces", data=body, headers={"Content-Type": kind}) as answer:
                assert answer.status == 400
                assert (await answer.json())["error"]["status"] == "INVALID_ARGUMENT"
        async with client.get(f"{url}{TRACES}/{7:032x}") as answer:
            assert answer.status == 404

    asked(scenario)


def test_only_the_newest_are_kept() -> None:
    kept = Traces()
    kept.add(export((1, 1, "old")))
    kept.add(export(*((number, 1, "new") for number in range(2, MAX_TRACES + 2))))
    assert not kept.spans(f"{1:032x}")
    assert len(kept.newest()) == MAX_TRACES
    kept.add(export(*((2, second, "more") for second in range(MAX_SPANS + 5))))
    assert len(kept.spans(f"{2:032x}")) == MAX_SPANS
