"""HTTP responses with precomputed headers, sent with as few ASGI calls as possible.

`answers` has the types of their JSON.
"""

from collections.abc import Sequence

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from utxoiq_http import problems
from utxoiq_http.problems import Problem

Header = tuple[bytes, bytes]

_JSON: Header = (b"content-type", b"application/json")
_PROBLEM: Header = (b"content-type", problems.MEDIA_TYPE.encode())
# These protect browsers that are tricked into opening a response as a page, or into guessing its type.
_SECURITY: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"strict-transport-security", b"max-age=63072000; includeSubDomains"),
)
_NO_STORE: Header = (b"cache-control", b"no-store")
# A client may keep a response that has an ETag, but must revalidate it before each use.
_REVALIDATE: Header = (b"cache-control", b"private, no-cache")

_encode = msgspec.json.Encoder().encode


class Answer(Response):
    """Sends a response in two ASGI messages. Its headers are already encoded."""

    def __init__(self, status_code: int, raw_headers: list[Header], body: bytes) -> None:
        self.status_code = status_code
        self.raw_headers = raw_headers
        self.body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response. It has no body if the method is HEAD."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        body = b"" if scope["method"] == "HEAD" else self.body
        await send({"type": "http.response.body", "body": body})


def from_json(status: int, body: bytes, *extra: Header, revalidate: bool = False) -> Answer:
    """Return a response with a JSON body. If `revalidate`, clients may keep it and revalidate it by its ETag."""
    length = (b"content-length", b"%d" % len(body))
    return Answer(status, [_JSON, length, *_SECURITY, _REVALIDATE if revalidate else _NO_STORE, *extra], body)


def from_value(status: int, value: object) -> Answer:
    """Return a response with the value, encoded as JSON."""
    return from_json(status, _encode(value))


def from_text(status: int, body: bytes, media_type: str) -> Answer:
    """Return a response with a body of the media type."""
    headers = [(b"content-type", media_type.encode()), (b"content-length", b"%d" % len(body))]
    return Answer(status, [*headers, *_SECURITY, _NO_STORE], body)


def from_problem(problem: Problem, request_id: str) -> Answer:
    """Return a response with the problem details, which include the request's id."""
    body = _encode(problem.details(request_id))
    length = (b"content-length", b"%d" % len(body))
    return Answer(problem.status, [_PROBLEM, length, *_SECURITY, _NO_STORE, *problem.headers], body)


def without_body(status: int, headers: Sequence[Header]) -> Answer:
    """Return a response without a body, such as 204 or 304."""
    return Answer(status, [*headers, *_SECURITY], b"")


def empty() -> Answer:
    """Return a 204 response."""
    return without_body(204, [_NO_STORE])


def not_modified(tag: Header) -> Answer:
    """Return a 304 response with the ETag header of the current version."""
    return without_body(304, [tag, _REVALIDATE])
