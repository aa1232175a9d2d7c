"""What a function writes to its standard output, read as Cloud Run reads it: structured, where a line is JSON."""

import json
import re
from collections.abc import Mapping
from typing import Any

from local_cloud.google.logging.severities import parse_severity
from local_cloud.google.logging.source import LogSource

PREFIX = "logging.googleapis.com/"
# Fields of a line that become fields of the entry.
MOVED = {
    f"{PREFIX}insertId": "insertId",
    f"{PREFIX}labels": "labels",
    f"{PREFIX}operation": "operation",
    f"{PREFIX}sourceLocation": "sourceLocation",
    f"{PREFIX}spanId": "spanId",
    f"{PREFIX}trace": "trace",
    f"{PREFIX}trace_sampled": "traceSampled",
    "httpRequest": "httpRequest",
    "time": "timestamp",
    "timestamp": "timestamp",
}


class FunctionLog(LogSource):
    """A function's standard output."""

    time = re.compile(rb'"time(?:stamp)?":\s*"([^"]+)"')

    def body(self, record: bytes) -> Mapping[str, Any]:
        """Return a line's entry: its fields if it is JSON, else its text."""
        text = record.decode(errors="replace")
        line = _parse_line(text)
        if line is None:
            return {"textPayload": text}
        body: dict[str, Any] = {"severity": parse_severity(line.pop("severity", "DEFAULT"))}
        for name, moved in MOVED.items():
            if name in line:
                body[moved] = line.pop(name)
        if line.keys() == {"message"}:
            return {**body, "textPayload": str(line["message"])}
        return {**body, "jsonPayload": line} if line else body


def _parse_line(text: str) -> dict[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) else None
