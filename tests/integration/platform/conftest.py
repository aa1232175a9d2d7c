"""Google's client libraries against the local APIs, and what collectors find."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from googleapiclient.discovery import build

from local_cloud.google.metrics.measurement import Measurement
from local_cloud.processes.server import free_port
from local_cloud.serving.google_apis import GoogleApis


class Loop:
    """An event loop on a thread of its own, for clients that block."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture
def served(loop: Loop) -> Iterator[Callable[[Iterable[Any]], str]]:
    """Serves routes as the local Google APIs, and tells where."""
    opened: list[GoogleApis] = []

    async def serve(routes: Iterable[Any]) -> str:
        apis = GoogleApis(free_port())
        apis.add_routes(routes)
        await apis.open()
        opened.append(apis)
        return apis.url

    yield lambda routes: str(loop.run(serve(routes)))
    for apis in opened:
        loop.run(apis.close())


def client(name: str, version: str, url: str) -> Any:
    credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
    return build(name, version, credentials=credentials, client_options={"api_endpoint": url}, static_discovery=True)


def by_name(found: Iterable[Measurement]) -> dict[str, list[Measurement]]:
    named: dict[str, list[Measurement]] = {}
    for measurement in found:
        named.setdefault(measurement.metric, []).append(measurement)
    return named
