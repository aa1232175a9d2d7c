"""The headers of an answer about a range that reaches into the archive."""

from datetime import datetime

from utxoiq_http.answer import Header
from utxoiq_persistence import times

ARCHIVED_RANGE = "X-Archived-Range"
RESTORE = "/api/v1/monitoring/retention/restore"


def headers(archived: tuple[datetime, datetime] | None) -> list[Header]:
    """Return the header that tells which part is archived, and the link to where its rows are had; none for none."""
    if archived is None:
        return []
    first, last = map(times.spell, archived)
    return [
        (ARCHIVED_RANGE.lower().encode(), f"{first}/{last}".encode()),
        (b"link", f'<{RESTORE}>; rel="archives"'.encode()),
    ]
