"""Rows as the old system's archives have them: files of one JSON array each, read as streams."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import IO, Any
from uuid import UUID

CHUNK = 2**20
_INTEGERS = {"bigint": 2**63, "integer": 2**31}
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class Misfit(Exception):
    """A value is none of its column. The message is the reason that the report has."""


class JsonArray:
    """Yields the elements of a JSON array, without holding all of it.

    Raises ValueError where it is none, or is cut off.
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._decode = json.JSONDecoder().raw_decode
        self._text, self._place, self._ended = "", 0, False

    def __iter__(self) -> Iterator[Any]:
        if self._take_sign() != "[":
            raise ValueError("it is not a JSON array")
        if self._next_sign() == "]":
            return
        while True:
            yield self._element()
            sign = self._take_sign()
            if sign == "]":
                return
            if sign != ",":
                raise ValueError("it is not JSON to its end")

    def _read_on(self) -> None:
        chunk = self._file.read(CHUNK)
        self._ended = not chunk
        self._text, self._place = self._text[self._place :] + chunk, 0

    def _next_sign(self) -> str:
        """Return the next character that is no blank, and stand before it; empty at the end."""
        while True:
            while self._place < len(self._text) and self._text[self._place] in " \t\r\n":
                self._place += 1
            if self._place < len(self._text) or self._ended:
                return self._text[self._place : self._place + 1]
            self._read_on()

    def _take_sign(self) -> str:
        sign = self._next_sign()
        self._place += 1
        return sign

    def _element(self) -> Any:
        self._next_sign()
        while True:
            try:
                element, self._place = self._decode(self._text, self._place)
            except json.JSONDecodeError:
                if self._ended:
                    raise ValueError("it is not JSON to its end") from None
                self._read_on()
            else:
                return element


def to_copy(row: Mapping[str, Any], columns: Mapping[str, str], blank_is_null: frozenset[str]) -> bytes:
    """Return a row in COPY's text format. Raises Misfit."""
    values = []
    for name, kind in columns.items():
        value = row.get(name)
        if value is None or (value == "" and name in blank_is_null):
            values.append("\\N")
            continue
        try:
            values.append(_WRITERS[kind](value).translate(_ESCAPES))
        except (TypeError, ValueError, OverflowError):
            raise Misfit(f"{name} is no value of the type {kind}") from None
    line = "\t".join(values) + "\n"
    try:
        content = line.encode()
    except UnicodeEncodeError:
        raise Misfit("it has half a character") from None
    if b"\0" in content:
        raise Misfit("it has a NUL")
    return content


def _integer(kind: str) -> Callable[[Any], str]:
    def write(value: Any) -> str:
        number = int(value)
        if isinstance(value, bool | str) or number != value or not -_INTEGERS[kind] <= number < _INTEGERS[kind]:
            raise ValueError
        return str(number)

    return write


def _double(value: Any) -> str:
    if isinstance(value, bool | str):
        raise TypeError
    number = float(value)
    if math.isnan(number):
        return "NaN"
    return repr(number) if math.isfinite(number) else ("Infinity" if number > 0 else "-Infinity")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _timestamp(value: Any) -> str:
    moment = datetime.fromisoformat(value)
    return (moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)).isoformat(" ")


def _json(value: Any) -> str:
    # Neither does PostgreSQL's jsonb take these, nor is NaN JSON.
    text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    if "\\u0000" in text.replace("\\\\", ""):
        raise ValueError
    return text


_WRITERS: dict[str, Callable[[Any], str]] = {
    "uuid": lambda value: str(UUID(_text(value))),
    "text": _text,
    "bigint": _integer("bigint"),
    "integer": _integer("integer"),
    "double precision": _double,
    "timestamp": _timestamp,
    "jsonb": _json,
}
