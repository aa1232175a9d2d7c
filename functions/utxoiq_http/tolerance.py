"""What existing clients send that the types do not take as it is, one rule each.

- A field or parameter that is not known is left out, and named in the answer.
- An empty text where a field may be absent means that it is absent.
- A whole number may be written with a fraction of zero: 5.0.
- A time without an offset is in UTC.

Bodies are first read by their types alone, which is many times faster, times without an offset included; only what
fails is looked at by these rules.
"""

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct
from msgspec.inspect import DateTimeType, IntType

from utxoiq_http import moments, violations
from utxoiq_http.answer import Header
from utxoiq_http.field_types import fields_holding

IGNORED_FIELDS = "X-Ignored-Fields"
MAX_NAMED = 20
# Beyond this not every integer is a float, and what was meant cannot be told.
_LARGEST_EXACT = 2**53


class Ignored:
    """The names of a request's fields and parameters that are not known, in the order of their coming."""

    __slots__ = ("_names",)

    def __init__(self) -> None:
        self._names: dict[str, None] = {}

    def add(self, name: str) -> None:
        """Note a name; the first MAX_NAMED that say anything are told."""
        if name and len(self._names) < MAX_NAMED:
            self._names[name] = None

    def headers(self) -> list[Header]:
        """Return the header that names them, in characters that every header takes; nothing where there are none."""
        if not self._names:
            return []
        names = ", ".join(quote(violations.legible(name), safe="[]") for name in self._names)
        return [(IGNORED_FIELDS.lower().encode(), names.encode())]


class Tolerance:
    """The rules for values of one type: a struct, or a list of a struct."""

    def __init__(self, kind: Any) -> None:
        item = violations.item_type(kind)
        self._is_list = item is not None
        struct: type[Struct] = item or kind
        fields = msgspec.structs.fields(struct)
        names = {field.name: field.encode_name for field in fields}
        self._known = frozenset(names.values())
        self._required = frozenset(field.encode_name for field in fields if field.required)
        self._whole = _encoded(names, fields_holding(IntType, struct))
        self._times = _encoded(names, fields_holding(DateTimeType, struct))

    def apply(self, value: object, ignored: Ignored) -> object:
        """Return a value, as JSON has it, as its type takes it; what no rule is about stays as it is."""
        if self._is_list and isinstance(value, list):
            return [self._applied(one, ignored) for one in value]
        return self._applied(value, ignored)

    def _applied(self, value: object, ignored: Ignored) -> object:
        if not isinstance(value, dict):
            return value
        kept: dict[str, object] = {}
        for name, part in value.items():
            if name not in self._known:
                ignored.add(name)
            elif part == "" and name not in self._required:
                continue
            elif name in self._whole and isinstance(part, float):
                kept[name] = int(part) if part.is_integer() and abs(part) <= _LARGEST_EXACT else part
            elif name in self._times and isinstance(part, str):
                kept[name] = moments.with_offset(part)
            else:
                kept[name] = part
        return kept


def _encoded(names: dict[str, str], fields: Iterable[str]) -> frozenset[str]:
    return frozenset(names[field] for field in fields)
