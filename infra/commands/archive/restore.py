"""Archived rows back into PostgreSQL, by the retention function, which alone is near the database."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from commands.api import Api

PATH = "/api/v1/monitoring/retention/restore"


async def restore(
    api: Api, table: str, start: datetime, end: datetime, keep_days: int, say: Callable[[str], None]
) -> int:
    """Return how many rows came back; those that are there already stay as they are. Raises CommandFailed.

    A call restores what it has time for and says where to go on.
    """
    restored = 0
    continue_from: Any = start.isoformat()
    while continue_from is not None:
        body = {"table": table, "start_time": continue_from, "end_time": end.isoformat(), "keep_days": keep_days}
        answer = (await api.post(PATH, body, repeatable=True)).body
        restored += int(answer["restored"])
        say(answer["message"])
        continue_from = answer["continue_from"]
    return restored
