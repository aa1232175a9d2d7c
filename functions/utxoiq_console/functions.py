"""A client of the other functions. It uses their public URLs and an API key with read scopes."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Literal

import aiohttp
from yarl import URL

from utxoiq_console.config import Settings
from utxoiq_console.credentials import Credential
from utxoiq_console.resources import Resource
from utxoiq_console.sources import ASKED_AGAIN, SENT_ONCE, SourceUnavailable

# A function without a running instance takes some seconds to start.
TIMEOUT = aiohttp.ClientTimeout(total=15)
# A query of the archive takes as long as its bounds let it.
LONG_TIMEOUT = aiohttp.ClientTimeout(total=40)
RUNNING_JOBS = 100
ENDED_JOBS = 10

Json = Mapping[str, Any]
State = Literal["ok", "degraded", "unavailable", "away", "closed"]


@dataclass(frozen=True)
class Health:
    """Describes the health of a function.

    `parts` has the state of each part that it depends on, `ok` or `away`. `seconds` is the time until it responded. The
    state `closed` means that the console may not call the function.
    """

    state: State
    parts: Mapping[str, str]
    seconds: float = 0.0


@dataclass(frozen=True)
class ApiAnswer:
    """Has the body of an answer, and the cursor of the next page; empty if there is none.

    `archived` is the part of the asked range that is archived, and so not in the answer; empty if there is none.
    """

    body: Any
    next_cursor: str
    archived: str


class Functions:
    """Calls the other functions of the stack."""

    def __init__(self, settings: Settings, session: aiohttp.ClientSession) -> None:
        self._settings = settings
        self._session = session

    async def health(self) -> dict[str, Health]:
        """Return the health of all functions by their ids. Raises nothing: one that does not respond is `away`."""
        functions = self._settings.resources.functions
        answers = await asyncio.gather(*(self._health(function) for function in functions))
        return dict(zip((function.id for function in functions), answers, strict=True))

    async def pool(self) -> Json:
        """Return the connection pool metrics. Raises SourceUnavailable."""
        answer: Json = await self._get("/api/v1/monitoring/database/pool")
        metrics: Json = answer["metrics"]
        return metrics

    async def queries(self) -> Json:
        """Return the query metrics. Raises SourceUnavailable."""
        answer: Json = await self._get("/api/v1/monitoring/database/queries")
        metrics: Json = answer["metrics"]
        return metrics

    async def jobs(self) -> list[Json]:
        """Return the running and paused backfill jobs, then the latest of the others. Raises SourceUnavailable."""
        path = "/api/v1/monitoring/backfill/status"
        running, paused, latest = await asyncio.gather(
            self._get(path, status="running", limit=RUNNING_JOBS),
            self._get(path, status="paused", limit=RUNNING_JOBS),
            self._get(path, limit=ENDED_JOBS),
        )
        ended = [job for job in latest if job["status"] not in ("running", "paused")]
        return [*running, *paused, *ended]

    async def processes(self) -> dict[str, Json]:
        """Return the processes of a local deployer, by what they serve; none in the cloud. Raises SourceUnavailable."""
        if self._settings.processes is None:
            return {}
        found: dict[str, Json] = (await self._json(self._settings.processes, {}, {}, "The local deployer")).body
        return found

    async def _health(self, function: Resource) -> Health:
        if not function.health:
            return Health("closed", {})
        began = time.monotonic()
        try:
            async with self._session.get(function.health, timeout=TIMEOUT) as answer:
                body = await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return Health("away", {}, time.monotonic() - began)
        seconds = time.monotonic() - began
        parts = body.get("parts", {}) if isinstance(body, dict) else {}
        if answer.status != 200:
            return Health("unavailable", parts, seconds)
        return Health("ok" if body.get("status") == "healthy" else "degraded", parts, seconds)

    async def get(self, path: str, query: Mapping[str, str], credential: Credential | None = None) -> ApiAnswer:
        """Return the API's answer to the credential, or to the console's own key. Raises SourceUnavailable."""
        function = self._routed(path)
        own = credential or Credential("key", self._settings.key)
        return await self._json(f"{function.url}{path}", query, dict([own.header]), function.name)

    async def post(self, path: str, body: Json, credential: Credential) -> Any:
        """Return the body of the API's answer to a caller with the credential. Raises SourceUnavailable."""
        function = self._routed(path)
        sent = self._session.post(
            f"{function.url}{path}", json=body, headers=dict([credential.header]), timeout=LONG_TIMEOUT
        )
        return (await self._read(sent, function.name, SENT_ONCE)).body

    def _routed(self, path: str) -> Resource:
        function = self._settings.resources.routed(path)
        if function is None:
            raise SourceUnavailable(f"No function of this stack has the path {path}.")
        return function

    async def _get(self, path: str, **query: str | int) -> Any:
        return (await self.get(path, {name: str(value) for name, value in query.items()})).body

    async def _json(self, url: str, query: Mapping[str, str], headers: Mapping[str, str], name: str) -> ApiAnswer:
        return await self._read(
            self._session.get(url, params=query, headers=headers, timeout=TIMEOUT), name, ASKED_AGAIN
        )

    @staticmethod
    async def _read(
        sent: AbstractAsyncContextManager[aiohttp.ClientResponse], name: str, consequence: str
    ) -> ApiAnswer:
        try:
            async with sent as answer:
                body = await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise SourceUnavailable(f"{name} does not respond ({type(error).__name__}). {consequence}") from error
        if answer.status != 200:
            detail = body.get("detail", "") if isinstance(body, dict) else ""
            raise SourceUnavailable(f"{name} answered {answer.status}: {detail}")
        following = answer.links.get("next")
        address = None if following is None else following.get("url")
        cursor = URL(str(address)).query.get("cursor", "") if address else ""
        return ApiAnswer(body, cursor, answer.headers.get("X-Archived-Range", ""))
