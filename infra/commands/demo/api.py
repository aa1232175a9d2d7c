"""The running stack, as a client of its HTTP API sees it."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

CONNECTIONS = 16
_ATTEMPTS = 5


class NotRunning(Exception):
    """There is no stack to talk to. The text says what to do."""


class Refused(Exception):
    """The API answered with a problem."""


class Api:
    """Calls with the service's API key. Paths are those of the contract."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def get(self, path: str, **query: str | int) -> Any:
        async with self._session.get(path, params=query) as answer:
            return await _decoded(answer)

    async def post(
        self,
        path: str,
        body: object,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[Any, str | None]:
        """The answer and its ETag. Sent again where the service was away; meant for what may be done twice."""
        for attempt in range(1, _ATTEMPTS + 1):
            async with self._session.post(path, json=body, params=query, headers=headers) as answer:
                if answer.status != 503 or attempt == _ATTEMPTS:
                    return await _decoded(answer), answer.headers.get("ETag")
        raise AssertionError("the last attempt returns or raises")


def read_stack(description: Path) -> Any:
    """What a running stack says of itself in its stack.json. Raises NotRunning."""
    try:
        return json.loads(description.read_text())
    except FileNotFoundError:
        raise NotRunning(f"{description} is not there; start the system first: make up") from None


@asynccontextmanager
async def connected(stack: Any) -> AsyncIterator[Api]:
    """stack: of read_stack."""
    async with aiohttp.ClientSession(
        base_url=stack["base_url"],
        headers={"X-API-Key": stack["credentials"]["service_key"]},
        connector=aiohttp.TCPConnector(limit=CONNECTIONS),
    ) as session:
        yield Api(session)


async def _decoded(answer: aiohttp.ClientResponse) -> Any:
    body = await answer.json(content_type=None)
    if answer.status >= 400:
        raise Refused(f"{answer.method} {answer.url.path} {answer.status}: {body.get('detail', body)}")
    return body
