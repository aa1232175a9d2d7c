"""Which fields of a struct hold what, whatever else they are annotated with."""

import msgspec
from msgspec import Struct
from msgspec.inspect import Metadata, Type, UnionType, type_info


def fields_holding(kind: type[Type], struct: type[Struct]) -> tuple[str, ...]:
    """Fields of that type, or of a union with it."""
    return tuple(field.name for field in msgspec.structs.fields(struct) if _holds(kind, type_info(field.type)))


def _holds(kind: type[Type], info: Type) -> bool:
    if isinstance(info, Metadata):
        return _holds(kind, info.type)
    if isinstance(info, UnionType):
        return any(_holds(kind, part) for part in info.types)
    return isinstance(info, kind)
