"""An operation tried out: the request as it was filled in, sent to its function, and what came back.

The console adds no credentials: what the function lets through is what it lets through to whoever's these are.
"""

import json
import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote, urlencode

import aiohttp

from utxoiq_console.documentation import Field, Operation
from utxoiq_console.sources import SourceAway

TIMEOUT = aiohttp.ClientTimeout(total=60)
SHOWN_BYTES = 64 * 1024
# By the name of the choice: the header, what stands before the credential, and what stands for it in a curl line.
CREDENTIALS = {
    "token": ("Authorization", "Bearer ", "$TOKEN"),
    "key": ("X-API-Key", "", "$API_KEY"),
}


class Unfit(Exception):
    """What was filled in makes no request. The text says what to mend."""


@dataclass(frozen=True)
class Trial:
    """url: whole. headers: without the credential, which is never shown again. kind: of the credential, or empty."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: str | None
    kind: str
    credential: str

    @property
    def curl(self) -> str:
        """The same from a shell; the credential is left to a variable."""
        parts = ["curl", "-i"]
        if self.method != "GET":
            parts += ["-X", self.method]
        parts.append(shlex.quote(self.url))
        if self.kind:
            name, before, variable = CREDENTIALS[self.kind]
            parts.append(f'-H "{name}: {before}{variable}"')
        parts += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in self.headers.items()]
        if self.body is not None:
            parts.append(f"-d {shlex.quote(self.body)}")
        return " ".join(parts)


@dataclass(frozen=True)
class Outcome:
    """good: whether the status says so. cut: whether the body is longer than what is shown."""

    status: str
    good: bool
    seconds: float
    headers: Mapping[str, str]
    body: str
    cut: bool
    request: str


def fill_in(operation: Operation, given: Mapping[str, str]) -> Trial:
    """given: by the names of the form's fields. Raises Unfit."""
    values = {field.name: given.get(f"{field.place}.{field.name}", "").strip() for field in operation.fields}
    path = operation.path
    for field in _placed(operation, "path"):
        if not values[field.name]:
            raise Unfit(f"{field.name} is part of the path: fill it in")
        path = path.replace(f"{{{field.name}}}", quote(values[field.name], safe=""))
    query = urlencode({field.name: values[field.name] for field in _placed(operation, "query") if values[field.name]})
    headers = {field.name: values[field.name] for field in _placed(operation, "header") if values[field.name]}
    kind, credential = given.get("credential_kind", ""), given.get("credential", "").strip()
    if kind and kind not in CREDENTIALS:
        raise Unfit("the credential is an ID token or an API key")
    body = None
    if operation.body is not None:
        headers["Content-Type"] = "application/json"
        body = given.get("body", operation.body.example)
    if any(not value.isprintable() for value in (*headers.values(), credential)):
        raise Unfit("a header and a credential are one line of text")
    url = f"{_function_url(operation, given)}{path}{'?' if query else ''}{query}"
    return Trial(operation.method, url, headers, body, kind, credential)


async def send(session: aiohttp.ClientSession, trial: Trial) -> Outcome:
    """Raises SourceAway."""
    headers = dict(trial.headers)
    if trial.kind and trial.credential:
        name, before, _ = CREDENTIALS[trial.kind]
        headers[name] = before + trial.credential
    began = time.monotonic()
    try:
        async with session.request(
            trial.method,
            trial.url,
            headers=headers,
            data=None if trial.body is None else trial.body.encode(),
            timeout=TIMEOUT,
            allow_redirects=False,
        ) as answer:
            content = await _first(answer.content)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise SourceAway(
            f"No answer ({type(error).__name__}). Look at the function's logs, or send it again."
        ) from error
    return Outcome(
        status=f"{answer.status} {_phrase(answer.status)}".strip(),
        good=answer.status < 400,
        seconds=time.monotonic() - began,
        headers=dict(answer.headers),
        body=_legible(content[:SHOWN_BYTES]),
        cut=len(content) > SHOWN_BYTES,
        request=answer.headers.get("X-Request-ID", ""),
    )


async def _first(body: aiohttp.StreamReader) -> bytes:
    """As much as is shown, and a byte that tells of more."""
    read = bytearray()
    async for chunk in body.iter_any():
        read += chunk
        if len(read) > SHOWN_BYTES:
            break
    return bytes(read[: SHOWN_BYTES + 1])


def _placed(operation: Operation, place: str) -> list[Field]:
    return [field for field in operation.fields if field.place == place]


def _function_url(operation: Operation, given: Mapping[str, str]) -> str:
    chosen = given.get("function", "")
    return next((one.url for one in operation.functions if one.id == chosen), operation.functions[0].url)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _legible(content: bytes) -> str:
    text = content.decode(errors="replace")
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text
