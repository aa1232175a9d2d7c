import base64
from uuid import UUID

import pytest

from utxoiq_persistence.errors import BadCursor
from utxoiq_persistence.postgres import cursors

PLACE = "2026-01-02 03:04:05.678+00 00000000-0000-0000-0000-000000000001"


def test_a_place_comes_back_as_it_went() -> None:
    cursor = cursors.encode(PLACE)
    assert cursor is not None
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert cursors.decode(cursor) == {"after_time": "2026-01-02 03:04:05.678+00", "after_id": UUID(int=1)}


def test_a_list_starts_without_and_ends_with_none() -> None:
    assert cursors.encode(None) is None
    assert cursors.decode(None) == {"after_time": None, "after_id": None}


@pytest.mark.parametrize(
    "place", ["", "x", "2026-01-02 03:04:05", "infinity 00000000-0000-0000-0000-000000000001", PLACE + "0", "\x00 \x00"]
)
def test_what_was_not_given_out_is_refused(place: str) -> None:
    with pytest.raises(BadCursor):
        cursors.decode(base64.urlsafe_b64encode(place.encode()).decode())


@pytest.mark.parametrize("cursor", ["%", "\u20bf", "a", "////", "_w", "", " "])
def test_what_is_no_cursor_at_all_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursor):
        cursors.decode(cursor)
