"""Calls of operations from their forms: the request, and the function's response.

The console adds no credentials of its own: a call has the rights of the credential in the form.
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
# By the name of the choice: the header, the prefix of the credential, and its variable in a curl command.
CREDENTIALS = {
    "token": ("Authorization", "Bearer ", "$TOKEN"),
    "key": ("X-API-Key", "", "$API_KEY"),
}


class Unfit(Exception):
    """A form does not make a valid request. The text says what to correct."""


@dataclass(frozen=True)
class Trial:
    """Describes a request to a function.

    `headers` lack the credential, which is never shown again. `kind` is that of the credential; empty if there is none.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: str | None
    kind: str
    credential: str

    @property
    def curl(self) -> str:
        """Return the curl command of the request, with a variable in place of the credential."""
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
    """Describes the response.

    `good` says whether the status is below 400, `cut` whether the body is longer than what is shown. `request` is the
    request id.
    """

    status: str
    good: bool
    seconds: float
    headers: Mapping[str, str]
    body: str
    cut: bool
    request: str


def fill_in(operation: Operation, given: Mapping[str, str]) -> Trial:
    """Return the request that a form describes; `given` has its values by field. Raises Unfit."""
    values = {field.name: given.get(f"{field.place}.{field.name}", "").strip() for field in operation.fields}
    path = operation.path
    for field in _placed(operation, "path"):
        if not values[field.name]:
            raise Unfit(f"{field.name} is part of the path and is required")
        path = path.replace(f"{{{field.name}}}", quote(values[field.name], safe=""))
    query = urlencode({field.name: values[field.name] for field in _placed(operation, "query") if values[field.name]})
    headers = {field.name: values[field.name] for field in _placed(operation, "header") if values[field.name]}
    kind, credential = given.get("credential_kind", ""), given.get("credential", "").strip()
    if kind and kind not in CREDENTIALS:
        raise Unfit("the credential must be an ID token or an API key")
    body = None
    if operation.body is not None:
        headers["Content-Type"] = "application/json"
        body = given.get("body", operation.body.example)
    if any(not value.isprintable() for value in (*headers.values(), credential)):
        raise Unfit("headers and the credential must be one line of text")
    url = f"{_function_url(operation, given)}{path}{'?' if query else ''}{query}"
    return Trial(operation.method, url, headers, body, kind, credential)


async def send(session: aiohttp.ClientSession, trial: Trial) -> Outcome:
    """Send the request and return the response. Raises SourceAway if there is none."""
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
            f"No response ({type(error).__name__}). Check the function's logs, or send the request again."
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
    """Return as much as is shown, and one more byte if the body is longer."""
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
