"""The one spelling of times in answers: six digits and +00:00, which clients on any version of Python parse."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

_encode = msgspec.json.Encoder().encode
# Of a time to the second.
_SECOND_LENGTH = len("2026-01-31T12:00:00")


def spell(moment: datetime) -> str:
    """Return a moment, in whatever zone, as in 2026-01-31T12:00:00.000000+00:00."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def spell_all(moments: Sequence[datetime]) -> list[str]:
    """Return what `spell` returns for each of the moments, in a sixth of the time.

    msgspec writes Z, and leaves out digits that are all 0.
    """
    if not moments:
        return []
    texts = _encode([moment.astimezone(UTC) for moment in moments])[2:-3].decode().split('Z","')
    return [f"{text}{'.000000' if len(text) == _SECOND_LENGTH else ''}+00:00" for text in texts]
