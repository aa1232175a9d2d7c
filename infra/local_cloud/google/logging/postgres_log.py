"""What PostgreSQL logs, as Cloud SQL passes it on: text, with the severity that stands in it."""

import re
from collections.abc import Mapping
from typing import Any

from local_cloud.google.logging.severities import parse_severity
from local_cloud.google.logging.source import LogSource

# What no level stands in is of the one that explains it: DETAIL, HINT, STATEMENT.
_RECORD = re.compile(rb"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) UTC \[\d+\] .*?([A-Z]+\d?):  ", re.DOTALL)


class PostgresLog(LogSource):
    """A file of PostgreSQL's log."""

    continued = True
    time = re.compile(rb"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) UTC ", re.MULTILINE)

    def body(self, record: bytes) -> Mapping[str, Any]:
        """Return a record's entry: its text, severity and time."""
        text = record.decode(errors="replace")
        found = _RECORD.match(record)
        if found is None:
            return {"textPayload": text}
        level = found[2].decode()
        severity = "DEBUG" if level.startswith("DEBUG") else parse_severity(level)
        return {
            "textPayload": text,
            "severity": severity,
            "timestamp": f"{found[1].decode().replace(' ', 'T')}Z",
        }
