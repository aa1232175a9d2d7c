"""Archived rows back into PostgreSQL, by the retention function, which alone is near the database."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from commands.archive.errors import CannotDo
from commands.archive.stack import Service

PATH = "/api/v1/monitoring/retention/restore"
TIMEOUT_SECONDS = 600


def restore(
    service: Service, table: str, start: str, end: str, keep_days: int, say: Callable[[str], None] = print
) -> int:
    """How many rows came back; those that are there already stay as they are. Raises CannotDo."""
    restored = 0
    while True:
        answer = _post(service, {"table": table, "start_time": start, "end_time": end, "keep_days": keep_days})
        restored += int(answer["restored"])
        say(answer["message"])
        if answer["continue_from"] is None:
            return restored
        start = answer["continue_from"]


def _post(service: Service, body: object) -> Any:
    request = urllib.request.Request(  # noqa: S310
        service.url.rstrip("/") + PATH,
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {service.token}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            return json.load(answer)
    except urllib.error.HTTPError as error:
        problem = json.load(error) if "json" in error.headers.get("Content-Type", "") else {}
        raise CannotDo(f"{error.code}: {problem.get('detail', error.reason)}") from None
    except OSError as error:
        raise CannotDo(f"{service.url} does not answer: {error}") from None
