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

from utxoiq_console.credentials import HEADERS, Credential
from utxoiq_console.documentation import Field, Operation
from utxoiq_console.sources import SourceUnavailable

TIMEOUT = aiohttp.ClientTimeout(total=60)
SHOWN_BYTES = 64 * 1024


class InvalidTrial(Exception):
    """A form does not make a valid request. The text says what to correct."""


@dataclass(frozen=True)
class Trial:
    """Describes a request to a function.

    `headers` lack the credential, which is never shown again; None if there is none. `base` is where a shell finds the
    path: the base URL of the system if that is known, else the function's.
    """

    method: str
    url: str
    path: str
    base: str
    headers: Mapping[str, str]
    body: str | None
    credential: Credential | None

    @property
    def curl(self) -> str:
        """Return the curl command of the request, with a variable in place of the credential."""
        parts = ["curl", "-i"]
        if self.method != "GET":
            parts += ["-X", self.method]
        parts.append(shlex.quote(self.base + self.path))
        if self.credential is not None:
            name, before, variable = HEADERS[self.credential.kind]
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


def fill_in(
    operation: Operation, given: Mapping[str, str], local: Credential | None = None, base_url: str = ""
) -> Trial:
    """Return the request that a form describes; `given` has its values by field. Raises InvalidTrial.

    `local` is the credential of a local stack that the form chooses; None if it has its own, or none.
    """
    values = {field.name: given.get(f"{field.place}.{field.name}", "").strip() for field in operation.fields}
    path = operation.path
    for field in _placed(operation, "path"):
        if not values[field.name]:
            raise InvalidTrial(f"{field.name} is part of the path and is required")
        path = path.replace(f"{{{field.name}}}", quote(values[field.name], safe=""))
    query = urlencode({field.name: values[field.name] for field in _placed(operation, "query") if values[field.name]})
    headers = {field.name: values[field.name] for field in _placed(operation, "header") if values[field.name]}
    credential = local or _credential(given)
    body = None
    if operation.body is not None:
        headers["Content-Type"] = "application/json"
        body = given.get("body", operation.body.example(given.get("as", "")))
    if any(not value.isprintable() for value in (*headers.values(), credential.value if credential else "")):
        raise InvalidTrial("headers and the credential must be one line of text")
    path = f"{path}{'?' if query else ''}{query}"
    url = operation.function(given.get("function", "")).url
    return Trial(operation.method, url + path, path, base_url or url, headers, body, credential)


async def send(session: aiohttp.ClientSession, trial: Trial) -> Outcome:
    """Send the request and return the response. Raises SourceUnavailable if there is none."""
    headers = dict(trial.headers)
    if trial.credential is not None and trial.credential.value:
        headers |= [trial.credential.header]
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
        raise SourceUnavailable(
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


def _credential(given: Mapping[str, str]) -> Credential | None:
    kind = given.get("credential_kind", "")
    if kind and kind not in HEADERS:
        raise InvalidTrial("the credential must be an ID token, an API key, or one that the form offers")
    return Credential(kind, given.get("credential", "").strip()) if kind else None


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
