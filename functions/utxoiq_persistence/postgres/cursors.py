"""Cursors: positions in a list ordered by time and id, as opaque text that a client sends back for the next page."""

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from uuid import UUID

from utxoiq_persistence.errors import BadCursor

START: Mapping[str, object] = {"after_time": None, "after_id": None}


def encode(place: str | None) -> str | None:
    """Return the cursor of a position, or None where no row follows.

    Args:
        place: `time id` of the last row shown, as PostgreSQL writes it; None where no row follows.
    """
    return None if place is None else base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def decode(cursor: str | None, identifier: Callable[[str], object] = UUID) -> Mapping[str, object]:
    """Return a query's parameters after_time and after_id, both None without a cursor.

    Args:
        cursor: What `encode` returned, as a client sent it back.
        identifier: Converts the list's ids from text; raises ValueError where it cannot.

    Raises:
        BadCursor: No list gave out this cursor.
    """
    if cursor is None:
        return START
    try:
        padding = "=" * (-len(cursor) % 4)
        text = base64.b64decode(cursor + padding, altchars=b"-_", validate=True).decode()
        moment, last_id = text.rsplit(" ", 1)
        floor_to_second(moment)
        return {"after_time": moment, "after_id": identifier(last_id)}
    except (binascii.Error, ValueError):
        raise BadCursor("cursor is not one that this list gave out; start again without it") from None


def floor_to_second(moment: str) -> datetime:
    """Return the time of a place as PostgreSQL writes it, to the second. Raises ValueError if it is none.

    PostgreSQL writes +00 and any number of decimals, and reads the text back exactly as it wrote it.
    """
    second = datetime.fromisoformat(moment.split(".")[0].split("+")[0])
    return second if second.tzinfo is not None else second.replace(tzinfo=UTC)
