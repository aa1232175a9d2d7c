"""Lookup of a struct's fields by their type, whatever constraints they are annotated with."""

from datetime import datetime
from types import UnionType as UnionKind
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from msgspec import Struct
from msgspec.inspect import DateTimeType, Metadata, NoneType, Type, UnionType, type_info


def fields_holding(kind: type[Type], struct: type[Struct]) -> tuple[str, ...]:
    """Return the names of the fields whose type is `kind` or a union with it."""
    return tuple(field.name for field in msgspec.structs.fields(struct) if _holds(kind, type_info(field.type)))


def plain(kind: Any) -> Type:
    """Return what a type is apart from null, from being left out, and from its descriptions."""
    return _plain(type_info(kind))


def _plain(info: Type) -> Type:
    if isinstance(info, Metadata):
        return _plain(info.type)
    if isinstance(info, UnionType):
        return _plain(next(part for part in info.types if not isinstance(part, NoneType)))
    return info


def _holds(kind: type[Type], info: Type) -> bool:
    if isinstance(info, Metadata):
        return _holds(kind, info.type)
    if isinstance(info, UnionType):
        return any(_holds(kind, part) for part in info.types)
    return isinstance(info, kind)


def accept_any_zone(kind: Any) -> Any:
    """Return a struct type, or the type of a list of one, whose times may lack their offset; else it is the same.

    Its values are instances of the struct.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return Annotated[accept_any_zone(arguments[0]), *arguments[1:]]
    if origin is list:
        return list[accept_any_zone(arguments[0])]  # type: ignore[misc]  # of a computed type
    if not fields_holding(DateTimeType, kind):
        return kind
    fields = [_field(field) for field in msgspec.structs.fields(kind)]
    return msgspec.defstruct(kind.__name__, fields, bases=(kind,), frozen=True, forbid_unknown_fields=True)


def _field(field: msgspec.structs.FieldInfo) -> tuple[str, Any] | tuple[str, Any, Any]:
    kind = _accept_any_zone(field.type)
    return (field.name, kind) if field.required else (field.name, kind, field.default)


def _accept_any_zone(kind: Any) -> Any:
    if kind is datetime or (get_origin(kind) is Annotated and get_args(kind)[0] is datetime):
        return datetime
    if get_origin(kind) in (Union, UnionKind):
        return Union[tuple(map(_accept_any_zone, get_args(kind)))]  # noqa: UP007 - of a computed tuple
    return kind
