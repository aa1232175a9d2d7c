"""Reading and validation of path and query parameters."""

import re
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec
from msgspec import Struct
from msgspec.inspect import DateTimeType, IntType

from utxoiq_http import moments, violations
from utxoiq_http.field_types import fields_holding
from utxoiq_http.problems import MAX_ERRORS, FieldError, invalid
from utxoiq_http.tolerance import Ignored, Tolerance

_is_whole = re.compile(r"-?[0-9]{1,40}").fullmatch
_is_decimal = re.compile(r"-?[0-9]{1,40}\.[0-9]{1,40}").fullmatch


class ParameterReader:
    """Reads the fields of a struct from the query, and one of them from the path if `path_parameter` names it."""

    def __init__(self, kind: type[Struct], path_parameter: str | None) -> None:
        self._kind = kind
        self._path_parameter = path_parameter
        self._tolerance = Tolerance(kind)
        self._in_query = frozenset(kind.__struct_fields__) - {path_parameter}
        self._numbers = frozenset(fields_holding(IntType, kind))
        self._moments = fields_holding(DateTimeType, kind)

    def read(self, query: bytes, segment: str | None, ignored: Ignored) -> Any:
        """Return the parameters, and add to `ignored` unknown ones. `segment` is the path parameter's value.

        Raises Problem 422, which names every wrong parameter.
        """
        values: dict[str, object] = {}
        errors: list[FieldError] = []
        if segment is not None and self._path_parameter is not None:
            values[self._path_parameter] = segment
        if query:
            self._fill(values, errors, query, ignored)
        parameters = self._convert(values, errors, ignored)
        for name in self._moments if parameters is not None else ():
            if not moments.is_storable(getattr(parameters, name)):
                errors.append(FieldError(name, moments.OUT_OF_RANGE))
        if errors:
            raise invalid(*errors[:MAX_ERRORS])
        return parameters

    def _convert(self, values: dict[str, object], errors: list[FieldError], ignored: Ignored) -> Any:
        """Return the parameters, or None where they have errors. Most are as their types have them, as bodies are."""
        try:
            return msgspec.convert(values, self._kind)
        except msgspec.ValidationError:
            tolerated = self._tolerance.apply(values, ignored)
        try:
            return msgspec.convert(tolerated, self._kind)
        except msgspec.ValidationError:
            errors.extend(violations.find_type_errors(tolerated, self._kind))
            return None

    def _fill(self, values: dict[str, object], errors: list[FieldError], query: bytes, ignored: Ignored) -> None:
        for pair in query.split(b"&"):
            if not pair:
                continue
            raw_name, _, raw_value = pair.partition(b"=")
            name = _decode_name(raw_name)
            if name not in self._in_query:
                ignored.add(name)
                continue
            try:
                value = _text(raw_value)
            except UnicodeDecodeError:
                errors.append(FieldError(name, "is not UTF-8"))
                continue
            if name in values:
                errors.append(FieldError(name, "is given twice; give it once"))
            elif "\0" in value:
                values[name] = value
                errors.append(FieldError(name, violations.NUL))
            else:
                values[name] = _number(value) if name in self._numbers else value


def _text(raw: bytes) -> str:
    if b"%" in raw or b"+" in raw:
        raw = unquote_to_bytes(raw.replace(b"+", b" "))
    return raw.decode()


def _decode_name(raw: bytes) -> str:
    try:
        return _text(raw)
    except UnicodeDecodeError:  # such as no parameter has
        return unquote_to_bytes(raw).decode("utf-8", "replace")


def _number(text: str) -> object:
    """Return the number, or the text itself if it is none, so that validation refuses it."""
    if _is_whole(text):
        return int(text)
    return float(text) if _is_decimal(text) else text
