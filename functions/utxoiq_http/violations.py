"""The search for all errors of a request's fields, after the fast decoder has failed at the first error."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Struct, UnsetType

from utxoiq_http import moments
from utxoiq_http.problems import FieldError

MAX_NAME = 100
WHOLE = "(body)"
NUL = "holds the character NUL, which cannot be stored; leave it out"
SURROGATE = "holds half of a surrogate pair, which is no character; leave it out"
TOO_LARGE = "is a number out of range"


def of_type(value: object, kind: Any, at: str = "") -> Iterator[FieldError]:
    """Yield an error for each part of a JSON value that is not of its type. `at` is the name of the value."""
    item = item_type(kind)
    if isinstance(kind, type) and issubclass(kind, Struct) and isinstance(value, dict):
        yield from _of_fields(value, kind, f"{at}." if at else "")
    elif item is not None and isinstance(value, list):
        yield from _mismatch(value, _with_any_items(kind), at)
        for index, part in enumerate(value):
            yield from of_type(part, item, f"{at}[{index}]")
    else:
        yield from _mismatch(value, kind, at)


def of_content(value: object, at: str = "") -> Iterator[FieldError]:
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
            yield from of_content(part, inside)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from of_content(part, f"{at}[{index}]")


def legible(name: str) -> str:
    """Return a name that a client chose, shortened and with characters that a response can contain."""
    return name[:MAX_NAME].replace("\0", "�").encode("utf-8", "replace").decode()


def _of_fields(value: dict[str, object], struct: type[Struct], prefix: str) -> Iterator[FieldError]:
    fields = msgspec.structs.fields(struct)
    for field in fields:
        at = prefix + field.encode_name
        if field.encode_name in value:
            yield from of_type(value[field.encode_name], _without_unset(field.type), at)
        elif field.required:
            yield FieldError(at, "is required")


def _mismatch(value: object, kind: Any, at: str) -> Iterator[FieldError]:
    try:
        converted = msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        yield FieldError(at or WHOLE, _message(str(error), value, kind))
    else:
        if not moments.is_storable(converted):
            yield FieldError(at, moments.OUT_OF_RANGE)


def _message(text: str, value: object, kind: Any) -> str:
    text = text.partition(" - at `")[0]
    if text.startswith("Invalid enum value"):
        return f"takes {', '.join(_choices(kind))}"
    if "datetime" in text:
        return moments.flaw(value) if isinstance(value, str) else moments.EXPECTED
    return text.replace("`", "").replace("Expected", "takes", 1)


def _choices(kind: Any) -> list[str]:
    if get_origin(kind) is Literal:
        return [str(choice) for choice in get_args(kind)]
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
