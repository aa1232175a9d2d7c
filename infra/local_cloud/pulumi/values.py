"""Property values as the Pulumi SDK sends them, and back."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Union

from google.protobuf import struct_pb2  # type: ignore[import-untyped]

# The SDK marks what JSON has no type for by these keys (pulumi/runtime/rpc.py).
SIGNATURE = "4dabf18193072939515e22adb298388d"
ASSET = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105
RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"


@dataclass(frozen=True)
class PulumiAsset:
    """A file's content. Of a path, a text or a URI, one is set."""

    path: str | None = None
    text: str | None = None
    uri: str | None = None


@dataclass(frozen=True)
class PulumiArchive:
    """Files. Of a path, members and a URI, one is set."""

    path: str | None = None
    assets: Mapping[str, Union[PulumiAsset, "PulumiArchive"]] | None = None
    uri: str | None = None


@dataclass(frozen=True)
class Reference:
    """Another resource, as an input."""

    urn: str
    id: str


@dataclass(frozen=True)
class Properties:
    """Plain values; secret names those that hold a secret, at any depth."""

    values: Mapping[str, Any]
    secret: frozenset[str] = frozenset()


def decode(struct: struct_pb2.Struct) -> Properties:
    """Return the plain values of what the SDK sent, and which of them are secret. Raises ValueError."""
    secret = frozenset(name for name, value in struct.fields.items() if _has_secret(value))
    return Properties({name: _decode_value(value) for name, value in struct.fields.items()}, secret)


def encode(values: Mapping[str, Any], secret: Collection[str] = ()) -> struct_pb2.Struct:
    """Return values as the SDK reads them, without those that are None. secret: the names to be marked so."""
    struct = struct_pb2.Struct()
    struct.update(
        {
            name: {SIGNATURE: SECRET, "value": value} if name in secret else value
            for name, value in values.items()
            if value is not None
        }
    )
    return struct


def _decode_value(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _decode_structure(value.struct_value)
    if kind == "list_value":
        return [_decode_value(member) for member in value.list_value.values]
    if kind == "number_value":
        return int(value.number_value) if value.number_value.is_integer() else value.number_value
    return None if kind == "null_value" else getattr(value, str(kind))


def _decode_structure(struct: struct_pb2.Struct) -> Any:
    fields = {name: _decode_value(value) for name, value in struct.fields.items()}
    signature = fields.pop(SIGNATURE, None)
    if signature is None:
        return fields
    if signature == SECRET:
        return fields["value"]
    if signature == ASSET:
        return PulumiAsset(**{key: fields[key] for key in ("path", "text", "uri") if key in fields})
    if signature == ARCHIVE:
        return PulumiArchive(**{key: fields[key] for key in ("path", "assets", "uri") if key in fields})
    if signature == RESOURCE:
        return Reference(fields["urn"], fields.get("id", ""))
    raise ValueError(f"the program sent a value of the unknown kind {signature}")


def _has_secret(value: struct_pb2.Value) -> bool:
    kind = value.WhichOneof("kind")
    if kind == "list_value":
        return any(_has_secret(member) for member in value.list_value.values)
    if kind != "struct_value":
        return False
    fields = value.struct_value.fields
    return (SIGNATURE in fields and fields[SIGNATURE].string_value == SECRET) or any(map(_has_secret, fields.values()))
