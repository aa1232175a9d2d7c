"""The fields of a log entry, as a filter may name them."""

from enum import Enum, auto

from local_cloud.google.filters.errors import BadFilter


class FieldType(Enum):
    """How a field's value is compared."""

    TEXT = auto()
    INTEGER = auto()
    BOOLEAN = auto()
    SEVERITY = auto()
    TIME = auto()
    DURATION = auto()
    FREE = auto()  # what programs write: its own type decides
    STRUCTURE = auto()


DEFAULTS: dict[FieldType, object] = {
    FieldType.TEXT: "",
    FieldType.INTEGER: 0,
    FieldType.BOOLEAN: False,
    FieldType.SEVERITY: "DEFAULT",
    FieldType.DURATION: "0s",
}
# What is below them has any name.
OPEN = (("jsonPayload",), ("protoPayload",), ("labels",), ("resource", "labels"))
_FIELDS: dict[FieldType, str] = {
    FieldType.TEXT: "insertId logName textPayload trace spanId resource.type httpRequest.requestMethod "
    "httpRequest.requestUrl httpRequest.userAgent httpRequest.remoteIp httpRequest.serverIp httpRequest.referer "
    "httpRequest.protocol operation.id operation.producer sourceLocation.file sourceLocation.function",
    FieldType.INTEGER: "httpRequest.status httpRequest.requestSize httpRequest.responseSize httpRequest.cacheFillBytes "
    "sourceLocation.line",
    FieldType.BOOLEAN: "traceSampled httpRequest.cacheLookup httpRequest.cacheHit "
    "httpRequest.cacheValidatedWithOriginServer operation.first operation.last",
    FieldType.SEVERITY: "severity",
    FieldType.TIME: "timestamp receiveTimestamp",
    FieldType.DURATION: "httpRequest.latency",
    FieldType.STRUCTURE: "resource httpRequest operation sourceLocation jsonPayload protoPayload labels "
    "resource.labels",
}
FIELDS = {tuple(path.split(".")): kind for kind, paths in _FIELDS.items() for path in paths.split()}


def find_type(path: tuple[str, ...]) -> FieldType:
    """Return a field's type. Raises BadFilter if a log entry has no such field."""
    known = FIELDS.get(path)
    if known is not None:
        return known
    if any(path[: len(start)] == start for start in OPEN):
        return FieldType.FREE
    raise BadFilter(f"a log entry has no field {'.'.join(path)!r}")
