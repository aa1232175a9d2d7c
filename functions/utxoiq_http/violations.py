"""The search for all errors of a request's fields, after the fast decoder has failed at the first error."""

from collections.abc import Collection, Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Struct, UnsetType
from msgspec.inspect import (
    DateTimeType,
    FloatType,
    FrozenSetType,
    IntType,
    ListType,
    LiteralType,
    SetType,
    StrType,
    UUIDType,
)

from utxoiq_http import field_types, moments
from utxoiq_http.problems import FieldError

MAX_NAME = 100
EXAMPLE_ID = "0d2f6c1e-5b8a-4f0e-9c3d-7a1b2c3d4e5f"
WHOLE = "(body)"
NUL = "holds the character NUL, which cannot be stored; leave it out"
SURROGATE = "holds half of a surrogate pair, which is no character; leave it out"
TOO_LARGE = "is a number out of range"


def find_type_errors(value: object, kind: Any, at: str = "") -> Iterator[FieldError]:
    """Yield an error for each part of a JSON value that is not of its type. `at` is the name of the value."""
    item = item_type(kind)
    if isinstance(kind, type) and issubclass(kind, Struct) and isinstance(value, dict):
        yield from _find_field_errors(value, kind, f"{at}." if at else "")
    elif item is not None and isinstance(value, list):
        yield from _mismatch(value, _with_any_items(kind), at)
        for index, part in enumerate(value):
            yield from find_type_errors(part, item, f"{at}[{index}]")
    else:
        yield from _mismatch(value, kind, at)


def find_content_errors(value: object, at: str = "") -> Iterator[FieldError]:
    """Yield an error for each part of a value that PostgreSQL cannot store. `at` is the name of the value."""
    if isinstance(value, str):
        if message := _flaw(value):
            yield FieldError(at or WHOLE, message)
    elif isinstance(value, float):
        if value - value != 0:
            yield FieldError(at or WHOLE, TOO_LARGE)
    elif isinstance(value, dict):
        for key, part in value.items():
            inside = f"{at}.{legible(key)}" if at else legible(key)
            if message := _flaw(key):
                yield FieldError(inside, f"its name {message}")
            yield from find_content_errors(part, inside)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from find_content_errors(part, f"{at}[{index}]")


def legible(name: str) -> str:
    """Return a name that a client chose, shortened and with characters that a response can contain."""
    return name[:MAX_NAME].replace("\0", "�").encode("utf-8", "replace").decode()


def _find_field_errors(value: dict[str, object], struct: type[Struct], prefix: str) -> Iterator[FieldError]:
    fields = msgspec.structs.fields(struct)
    for field in fields:
        at = prefix + field.encode_name
        if field.encode_name in value:
            yield from find_type_errors(value[field.encode_name], _without_unset(field.type), at)
        elif field.required:
            yield FieldError(at, "is required")


def _mismatch(value: object, kind: Any, at: str) -> Iterator[FieldError]:
    try:
        converted = msgspec.convert(value, kind)
    except msgspec.ValidationError:
        yield FieldError(at or WHOLE, _message(value, kind))
    else:
        if not moments.is_storable(converted):
            yield FieldError(at, moments.OUT_OF_RANGE)


def _message(value: object, kind: Any) -> str:
    """Return what the field takes, in words for the client's developer."""
    match field_types.plain(kind):
        case DateTimeType():
            return moments.flaw(value) if isinstance(value, str) else moments.EXPECTED
        case LiteralType(values=choices):
            return f"takes {', '.join(map(str, _in_order(kind, choices)))}"
        case IntType() as number:
            return f"takes a whole number{_range(number.ge, number.le)}"
        case FloatType() as number:
            return f"takes a number{_range(number.ge, number.le)}"
        case StrType() as text:
            return f"takes text{_size(text.min_length, text.max_length, 'characters')}"
        case ListType() | SetType() | FrozenSetType() as items:
            return f"takes a list{_size(items.min_length, items.max_length, 'items')}"
        case UUIDType():
            return f"takes a UUID, such as {EXAMPLE_ID}"
        case _:
            return "takes a JSON object"


def _range(least: float | None, most: float | None) -> str:
    if most is None:
        return "" if least is None else f" of at least {least}"
    return f" of at most {most}" if least is None else f" from {least} to {most}"


def _size(least: int | None, most: int | None, what: str) -> str:
    if most is None:
        return f" of at least {least} {what}" if least else ""
    return f" of {least} to {most} {what}" if least else f" of at most {most} {what}"


def _in_order(kind: Any, choices: Collection[object]) -> list[object]:
    """Return the choices as the type lists them, which msgspec sorts."""
    listed = _choices(kind)
    return listed if len(listed) == len(choices) else list(choices)


def _choices(kind: Any) -> list[object]:
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    return [choice for part in get_args(kind) for choice in _choices(part)]


def item_type(kind: Any) -> Any:
    """Return the type of a list's items; None if the type is not a list."""
    inner = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    return get_args(inner)[0] if get_origin(inner) is list else None


def _with_any_items(kind: Any) -> Any:
    """Return the list type with its own constraints, but with items of any type."""
    if get_origin(kind) is not Annotated:
        return list[Any]
    return Annotated[list[Any], *get_args(kind)[1:]]


def _without_unset(kind: Any) -> Any:
    parts = get_args(kind)
    if UnsetType not in parts:
        return kind
    return Union[tuple(part for part in parts if part is not UnsetType)]  # noqa: UP007 - of a computed tuple


def _flaw(text: str) -> str | None:
    if "\0" in text:
        return NUL
    try:
        text.encode()
    except UnicodeEncodeError:
        return SURROGATE
    return None
