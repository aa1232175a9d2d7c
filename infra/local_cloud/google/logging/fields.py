"""The fields of a log entry, as a filter may name them."""

from enum import Enum, auto

from local_cloud.google.filters.errors import BadFilter


class Type(Enum):
    TEXT = auto()
    INTEGER = auto()
    BOOLEAN = auto()
    SEVERITY = auto()
    TIME = auto()
    DURATION = auto()
    FREE = auto()  # what programs write: its own type decides
    STRUCTURE = auto()


DEFAULTS: dict[Type, object] = {
    Type.TEXT: "",
    Type.INTEGER: 0,
    Type.BOOLEAN: False,
    Type.SEVERITY: "DEFAULT",
    Type.DURATION: "0s",
}
# What is below them has any name.
OPEN = (("jsonPayload",), ("protoPayload",), ("labels",), ("resource", "labels"))
_FIELDS: dict[Type, str] = {
    Type.TEXT: "insertId logName textPayload trace spanId resource.type httpRequest.requestMethod "
    "httpRequest.requestUrl httpRequest.userAgent httpRequest.remoteIp httpRequest.serverIp httpRequest.referer "
    "httpRequest.protocol operation.id operation.producer sourceLocation.file sourceLocation.function",
    Type.INTEGER: "httpRequest.status httpRequest.requestSize httpRequest.responseSize httpRequest.cacheFillBytes "
    "sourceLocation.line",
    Type.BOOLEAN: "traceSampled httpRequest.cacheLookup httpRequest.cacheHit "
    "httpRequest.cacheValidatedWithOriginServer operation.first operation.last",
    Type.SEVERITY: "severity",
    Type.TIME: "timestamp receiveTimestamp",
    Type.DURATION: "httpRequest.latency",
    Type.STRUCTURE: "resource httpRequest operation sourceLocation jsonPayload protoPayload labels resource.labels",
}
FIELDS = {tuple(path.split(".")): kind for kind, paths in _FIELDS.items() for path in paths.split()}


def type_of(path: tuple[str, ...]) -> Type:
    """Raises BadFilter where a log entry has no such field."""
    known = FIELDS.get(path)
    if known is not None:
        return known
    if any(path[: len(start)] == start for start in OPEN):
        return Type.FREE
    raise BadFilter(f"a log entry has no field {'.'.join(path)!r}")
