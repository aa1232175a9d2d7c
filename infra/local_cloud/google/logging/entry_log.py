"""Entries that the platform itself makes, as Cloud Logging would keep them: a file with one a line."""

import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local_cloud.google.logging.entry import format_time
from local_cloud.google.logging.source import LogSource


class EntryLog(LogSource):
    """A file with one entry a line."""

    time = re.compile(rb'"timestamp": "([^"]+)"')

    def body(self, record: bytes) -> Mapping[str, Any] | None:
        """Return the entry; None for what a deployer that was killed left half written."""
        try:
            body: Mapping[str, Any] = json.loads(record)
        except ValueError:
            return None
        return body if isinstance(body, dict) else None


def write(path: Path, entry: Mapping[str, Any]) -> None:
    """Append an entry, with the time now."""
    line = json.dumps({"timestamp": format_time(time.time()), **entry})
    with path.open("a") as file:
        file.write(f"{line}\n")
