"""Reading and validation of a request's JSON body: its headers, its length and its content."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.message import Message
from itertools import chain, islice
from typing import Any, NoReturn

import msgspec
from msgspec import Struct
from msgspec.inspect import DateTimeType
from msgspec.structs import force_setattr
from starlette.types import Receive

from utxoiq_http import moments, violations
from utxoiq_http.direct import take_body
from utxoiq_http.field_types import accept_any_zone, fields_holding
from utxoiq_http.problems import MAX_ERRORS, FieldError, Problem, invalid
from utxoiq_http.tolerance import Ignored, Tolerance

# Within which a body arrives, however little comes at a time.
BODY_SECONDS = 60.0
# Python refuses to convert longer integers, and none so long is worth storing.
MAX_DIGITS = 4000
_JSON = b"application/json"


class BodyReader:
    """Reads bodies of one type: a struct, or a list of structs. `limit` is in bytes."""

    def __init__(self, kind: Any, limit: int) -> None:
        self._kind = kind
        self._limit = limit
        self._decode = msgspec.json.Decoder(accept_any_zone(kind)).decode
        self._tolerance = Tolerance(kind)
        item = violations.item_type(kind)
        self._moments = fields_holding(DateTimeType, kind if item is None else item)

    async def read(self, headers: Mapping[bytes, bytes], receive: Receive, ignored: Ignored) -> Any:
        """Return the decoded body, and add to `ignored` the names of its fields that are not known.

        Raises Problem: 415 for another media type, 413 for a body that is too large, 408 for one that takes too long to
        arrive, 400 for malformed JSON, and 422, which names every wrong field.
        """
        content_type = headers.get(b"content-type")
        if content_type and content_type != _JSON:
            _check_type(content_type)
        if b"content-encoding" in headers:
            raise Problem(
                415, "send the body as it is, without Content-Encoding", headers=[(b"accept-encoding", b"identity")]
            )
        length = headers.get(b"content-length")
        if length is not None and length.isdigit() and int(length) > self._limit:
            self._refuse_length()
        body = take_body(receive)
        if body is None:
            body = await self._await_body(receive)
        else:
            self._check_length(body)
        return self.decode(body, ignored)

    def decode(self, body: bytes, ignored: Ignored) -> Any:
        """Return the decoded body, and add to `ignored` the names of its fields that are not known.

        Raises Problem: 400 for malformed JSON, and 422, which names every wrong field.
        """
        try:
            value = self._decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            value = self._decode_tolerantly(body, ignored)
        else:
            # JSON can contain a NUL only as an escape sequence. The backslash of that sequence may itself be escaped,
            # so the decoded values decide; all of them are of fields that are known.
            if b"\\u0000" in body:
                self._check(violations.find_content_errors(_tree(body)))
        if self._moments:
            self._check(self._settle_moments(value))
        return value

    async def _await_body(self, receive: Receive) -> bytes:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await self._receive(receive)
        except TimeoutError:
            raise Problem(
                408, f"the body did not arrive within {BODY_SECONDS:g} s", headers=[(b"connection", b"close")]
            ) from None

    async def _receive(self, receive: Receive) -> bytes:
        message = await receive()
        body = bytearray()
        while message["type"] == "http.request":
            body += message.get("body", b"")
            self._check_length(body)
            if not message.get("more_body"):
                return bytes(body)
            message = await receive()
        raise Problem(400, "the connection ended before the body did")

    def _check_length(self, body: bytes | bytearray) -> None:
        if len(body) > self._limit:
            self._refuse_length()

    def _refuse_length(self) -> NoReturn:
        raise Problem(413, f"the body is longer than {self._limit} bytes; send less at once")

    def _settle_moments(self, value: Any) -> Iterator[FieldError]:
        """Put times without an offset in UTC, and tell of those that cannot be stored."""
        alone = isinstance(value, Struct)
        for name in self._moments:
            for index, item in enumerate((value,) if alone else value):
                moment = getattr(item, name)
                if not isinstance(moment, datetime) or moment.tzinfo is UTC:
                    continue
                if moment.tzinfo is None:
                    force_setattr(item, name, moment.replace(tzinfo=UTC))  # nobody has seen it yet
                elif not moments.is_storable(moment):
                    yield FieldError(name if alone else f"[{index}].{name}", moments.OUT_OF_RANGE)

    def _check(self, errors: Iterator[FieldError]) -> None:
        if found := list(islice(errors, MAX_ERRORS)):
            raise invalid(*found)

    def _decode_tolerantly(self, body: bytes, ignored: Ignored) -> Any:
        """Return the body, read by the tolerant rules.

        Raises Problem with all errors; with the decoder's own message if it is stricter than these checks.
        """
        tree = self._tolerance.apply(_tree(body), ignored)
        try:
            value = msgspec.convert(tree, self._kind)
        except msgspec.ValidationError as error:
            self._check(chain(violations.find_type_errors(tree, self._kind), violations.find_content_errors(tree)))
            raise invalid(FieldError(violations.WHOLE, str(error))) from None
        self._check(violations.find_content_errors(tree))
        return value


def _check_type(content_type: bytes) -> None:
    """Check that the media type is application/json, and the charset, if there is one, UTF-8. Raises Problem 415."""
    header = Message()
    header["content-type"] = content_type.decode("latin-1")
    charset = str(header.get_param("charset", "utf-8")).lower()
    if header.get_content_type() != _JSON.decode() or charset not in ("utf-8", "utf8"):
        raise Problem(415, "send JSON in UTF-8, with Content-Type: application/json", headers=[(b"accept", _JSON)])


def _tree(body: bytes) -> object:
    """Return the body as plain Python values. Raises Problem 400 for malformed JSON."""
    try:
        return json.loads(body.decode(), parse_constant=_refuse_constant, parse_int=_integer)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise Problem(400, f"the body is not JSON: {error.msg} at {where}") from None
    except UnicodeDecodeError as error:
        raise Problem(400, f"the body is not UTF-8 from its byte {error.start} on") from None


def _refuse_constant(name: str) -> NoReturn:
    raise Problem(400, f"the body is not JSON: it has no {name}; numbers are finite")


def _integer(digits: str) -> float:
    return int(digits) if len(digits) <= MAX_DIGITS else float("inf")
