"""The headers of an answer about a range that reaches into the archive."""

from utxoiq_http.answer import Header
from utxoiq_persistence import times
from utxoiq_persistence.records import ArchivedRange

ARCHIVED_RANGE = "X-Archived-Range"
ARCHIVED_ROWS = "X-Archived-Rows"
RESTORE = "/api/v1/monitoring/retention/restore"


def headers(archived: ArchivedRange | None) -> list[Header]:
    """Return what tells which part is archived, how many rows it has at most, and where they are had; none for none."""
    if archived is None:
        return []
    first, last = times.spell(archived.first), times.spell(archived.last)
    return [
        (ARCHIVED_RANGE.lower().encode(), f"{first}/{last}".encode()),
        (ARCHIVED_ROWS.lower().encode(), str(archived.rows).encode()),
        (b"link", f'<{RESTORE}>; rel="archives"'.encode()),
    ]
