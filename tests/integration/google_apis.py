"""The local Google APIs beside a test that blocks."""

import asyncio
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from local_cloud.processes.server import free_port
from local_cloud.serving.google_apis import GoogleApis


class Loop:
    """An event loop on a thread of its own, for clients that block."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Any) -> Any:
        """Return what a coroutine returns."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def close(self) -> None:
        """Stop the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextmanager
def running_loop() -> Iterator[Loop]:
    loop = Loop()
    try:
        yield loop
    finally:
        loop.close()


def open_apis(loop: Loop, routes: Iterable[Any]) -> GoogleApis:
    """Serve routes until the caller closes them, on the loop."""

    async def opened() -> GoogleApis:
        apis = GoogleApis(free_port(), routes)
        await apis.open()
        return apis

    apis: GoogleApis = loop.run(opened())
    return apis
