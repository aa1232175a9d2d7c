"""A request's JSON body: how it is declared, how long it may be, what is in it."""

import json
from collections.abc import Iterator, Mapping
from email.message import Message
from itertools import chain, islice
from typing import Any, NoReturn

import msgspec
from msgspec import Struct
from msgspec.inspect import DateTimeType
from starlette.types import Receive

from utxoiq_http import moments, violations
from utxoiq_http.field_types import fields_holding
from utxoiq_http.problems import FieldError, Problem, invalid
from utxoiq_http.tolerance import Ignored, Tolerance

MAX_ERRORS = 100
# Python converts no longer ones, and none so long is worth storing.
MAX_DIGITS = 4000
_JSON = b"application/json"


class BodyReader:
    """Reads values of one type: a struct, or a list of a struct."""

    def __init__(self, kind: Any, limit: int) -> None:
        self._kind = kind
        self._limit = limit
        self._decode = msgspec.json.Decoder(kind).decode
        self._tolerance = Tolerance(kind)
        item = violations.item_type(kind)
        self._moments = fields_holding(DateTimeType, kind if item is None else item)

    async def read(self, headers: Mapping[bytes, bytes], receive: Receive, ignored: Ignored) -> Any:
        """Return the value, and add to `ignored` what of the body is not known.

        Raises Problem: 415, 413, 400 of what is not JSON, 422 that names every field that is wrong.
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
        return self.decode(await self._receive(receive), ignored)

    def decode(self, body: bytes, ignored: Ignored) -> Any:
        try:
            value = self._decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            value = self._decode_tolerantly(body, ignored)
        # A NUL can only have come as its escape: a bare one is not JSON. The two letters before it may themselves be
        # escaped, so a closer look decides.
        if b"\\u0000" in body:
            self._check(violations.of_content(_tree(body)))
        if self._moments:
            self._check(self._unstorable(value))
        return value

    async def _receive(self, receive: Receive) -> bytes:
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body"):
            whole: bytes = message.get("body", b"")
            self._check_length(whole)
            return whole
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

    def _unstorable(self, value: Any) -> Iterator[FieldError]:
        if isinstance(value, Struct):
            yield from self._unstorable_of(value, "")
            return
        for index, item in enumerate(value):
            yield from self._unstorable_of(item, f"[{index}].")

    def _unstorable_of(self, value: Struct, prefix: str) -> Iterator[FieldError]:
        for name in self._moments:
            moment = getattr(value, name)
            if not moments.is_storable(moment):
                yield FieldError(prefix + name, moments.OUT_OF_RANGE)

    def _check(self, errors: Iterator[FieldError]) -> None:
        if found := list(islice(errors, MAX_ERRORS)):
            raise invalid(*found)

    def _decode_tolerantly(self, body: bytes, ignored: Ignored) -> Any:
        """Raises Problem that says all that is wrong; in the decoder's own words where nothing is found here."""
        tree = self._tolerance.apply(_tree(body), ignored)
        try:
            value = msgspec.convert(tree, self._kind)
        except msgspec.ValidationError as error:
            self._check(chain(violations.of_type(tree, self._kind), violations.of_content(tree)))
            raise invalid(FieldError(violations.WHOLE, str(error))) from None
        self._check(violations.of_content(tree))
        return value


def _check_type(content_type: bytes) -> None:
    """Raises Problem 415 for all but application/json, in UTF-8 if it says which. Other parameters mean nothing."""
    header = Message()
    header["content-type"] = content_type.decode("latin-1")
    charset = str(header.get_param("charset", "utf-8")).lower()
    if header.get_content_type() != _JSON.decode() or charset not in ("utf-8", "utf8"):
        raise Problem(415, "send JSON in UTF-8, with Content-Type: application/json", headers=[(b"accept", _JSON)])


def _tree(body: bytes) -> object:
    """The body as plain Python values. Raises Problem 400 where it is not JSON."""
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
