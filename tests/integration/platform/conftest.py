"""Google's client libraries against the local APIs, and what collectors find."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from googleapiclient.discovery import build
from tests.integration.google_apis import Loop, open_apis, running_loop

from local_cloud.google.metrics.measurement import Measurement
from local_cloud.serving.google_apis import GoogleApis


@pytest.fixture
def loop() -> Iterator[Loop]:
    with running_loop() as loop:
        yield loop


@pytest.fixture
def served(loop: Loop) -> Iterator[Callable[[Iterable[Any]], str]]:
    """Serves routes as the local Google APIs, and tells where."""
    opened: list[GoogleApis] = []

    def serve(routes: Iterable[Any]) -> str:
        opened.append(open_apis(loop, routes))
        return opened[-1].url

    yield serve
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
