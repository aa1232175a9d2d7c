"""The HTTP API, as a client of it sees it: one client for every command."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import aiohttp

from commands.errors import CommandFailed, ExitCode

CONNECTIONS = 16
# A restore from the archive may take that long.
TIMEOUT_SECONDS = 600.0
CONNECT_SECONDS = 30.0
ATTEMPTS = 5
DENIED = frozenset({401, 403})


class Answer(NamedTuple):
    """A successful answer: its JSON, and its ETag where it has one."""

    body: Any
    tag: str | None


class Api:
    """Calls with one caller's credentials. Paths are those of the contract. Every method raises CommandFailed."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        self._session = session
        self._base_url = base_url

    async def get(self, path: str, **query: str | int | None) -> Any:
        """Return the answer's JSON. What is None is left out of the query."""
        return (await self._send("GET", path, {name: value for name, value in query.items() if value is not None})).body

    async def post(
        self,
        path: str,
        body: object,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = False,
    ) -> Answer:
        """Return the answer. `repeatable`: sent again while the service is away, since twice does no harm."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._send("POST", path, query or {}, body, headers)
            except _Unavailable as away:
                if not repeatable or attempt == ATTEMPTS:
                    raise
                await asyncio.sleep(away.seconds)
        raise AssertionError("the last attempt returns or raises")

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int],
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        try:
            async with self._session.request(
                method, self._base_url + path, params=query, json=body, headers=headers
            ) as answer:
                return await _decoded(answer, self._base_url)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise CommandFailed(
                f"{self._base_url} does not answer: {error or type(error).__name__}",
                remedy="Is it running (`make status`), and is that its URL?",
                code=ExitCode.NOT_RUNNING,
            ) from None


class _Unavailable(CommandFailed):
    """503, which says when to come back."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message, remedy="Try again in a moment.")
        self.seconds = seconds


@asynccontextmanager
async def connect(base_url: str, headers: Mapping[str, str]) -> AsyncIterator[Api]:
    """Open the API. `headers`: the credentials. Raises CommandFailed."""
    if not base_url.startswith(("https://", "http://")):
        raise CommandFailed(
            f"{base_url!r} is no URL", remedy="Give one that begins with https://.", code=ExitCode.USAGE
        )
    async with aiohttp.ClientSession(
        headers=headers,
        connector=aiohttp.TCPConnector(limit=CONNECTIONS),
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS, sock_connect=CONNECT_SECONDS),
        trust_env=True,
    ) as session:
        yield Api(session, base_url.rstrip("/"))


async def _decoded(answer: aiohttp.ClientResponse, base_url: str) -> Answer:
    text = await answer.text()
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    if answer.status < 400 and body is not None:
        return Answer(body, answer.headers.get("ETag"))
    where = f"{answer.method} {answer.url.path}"
    if not isinstance(body, dict) or "detail" not in body:
        raise CommandFailed(
            f"{where}: {answer.status} {answer.reason}, not an answer of this service", remedy=f"Is {base_url} its URL?"
        )
    message = f"{answer.status}: {body['detail']}"
    if answer.status == 503:
        raise _Unavailable(message, float(answer.headers.get("Retry-After") or 1))
    raise CommandFailed(message, code=ExitCode.REFUSED if answer.status in DENIED else ExitCode.FAILED)
