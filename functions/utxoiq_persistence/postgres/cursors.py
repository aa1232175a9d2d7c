"""Places in a list that is ordered by time and id, as opaque text for a client to come back with."""

import base64
import binascii
from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID

from utxoiq_persistence.errors import BadCursor

START: Mapping[str, object] = {"after_time": None, "after_id": None}


def encode(place: str | None) -> str | None:
    """place: `time id` of the last row shown, as PostgreSQL writes it; None where no row follows."""
    return None if place is None else base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def decode(cursor: str | None, identifier: Callable[[str], object] = UUID) -> Mapping[str, object]:
    """The parameters after_time and after_id of a query; identifier: what its ids are. Raises BadCursor."""
    if cursor is None:
        return START
    try:
        padding = "=" * (-len(cursor) % 4)
        text = base64.b64decode(cursor + padding, altchars=b"-_", validate=True).decode()
        moment, last_id = text.rsplit(" ", 1)
        # PostgreSQL writes +00 and any number of decimals: it is read back as it was written.
        datetime.fromisoformat(moment.split(".")[0].split("+")[0])
        return {"after_time": moment, "after_id": identifier(last_id)}
    except (binascii.Error, ValueError):
        raise BadCursor("cursor is not one that this list gave out; start again without it") from None
