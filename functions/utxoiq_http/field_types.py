"""Lookup of a struct's fields by their type, whatever constraints they are annotated with."""

import msgspec
from msgspec import Struct
from msgspec.inspect import Metadata, Type, UnionType, type_info


def fields_holding(kind: type[Type], struct: type[Struct]) -> tuple[str, ...]:
    """Return the names of the fields whose type is `kind` or a union with it."""
    return tuple(field.name for field in msgspec.structs.fields(struct) if _holds(kind, type_info(field.type)))


def _holds(kind: type[Type], info: Type) -> bool:
    if isinstance(info, Metadata):
        return _holds(kind, info.type)
    if isinstance(info, UnionType):
        return any(_holds(kind, part) for part in info.types)
    return isinstance(info, kind)
