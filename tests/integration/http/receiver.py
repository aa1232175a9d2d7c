"""What functions send their traces to: the local Cloud Trace, on an event loop of its own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from tests.system.running import until

from local_cloud.google.traces import Traces
from local_cloud.processes.server import free_port
from local_cloud.serving.google_apis import GoogleApis

DEADLINE_SECONDS = 120.0

Spans = list[dict[str, Any]]


class Receiver:
    def __init__(self) -> None:
        self._client = httpx.Client(timeout=DEADLINE_SECONDS)
        self._apis = GoogleApis(free_port(), Traces().routes())

    @property
    def endpoint(self) -> str:
        return f"{self._apis.url}/v1/traces"

    def spans(self, trace_id: str) -> Spans:
        """Those that have come in, by their starts."""
        answer = self._client.get(f"{self._apis.url}/_local/traces/{trace_id}")
        if answer.status_code == 404:
            return []
        spans: Spans = answer.raise_for_status().json()["spans"]
        return spans

    def trace_ids(self) -> list[str]:
        """Newest first."""
        traces = self._client.get(f"{self._apis.url}/_local/traces").raise_for_status().json()["traces"]
        return [trace["trace_id"] for trace in traces]

    def whole(self, trace_id: str) -> Spans:
        """Once the request's own span has come in, which ends last, so that all others have."""
        return until(lambda: _with_root(self.spans(trace_id)), DEADLINE_SECONDS)

    @contextmanager
    def serving(self) -> Iterator["Receiver"]:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._apis.open(), loop).result()
            yield self
            asyncio.run_coroutine_threadsafe(self._apis.close(), loop).result()
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()
            self._client.close()


def _with_root(spans: Spans) -> Spans:
    return spans if any(span["kind"] == "server" for span in spans) else []
