"""What goes into PostgreSQL in arrays: the ids of metrics, and literals."""

from uuid import RFC_4122, UUID

from utxoiq_persistence.metrics.metrics import _new_ids
from utxoiq_persistence.postgres import arrays


def test_ids_are_random_uuids() -> None:
    texts = _new_ids(500)
    ids = [UUID(text) for text in texts]
    assert [str(identifier) for identifier in ids] == texts
    assert {(identifier.version, identifier.variant) for identifier in ids} == {(4, RFC_4122)}
    assert len(set(ids)) == 500
    digits = {place: {text[place] for text in texts} for place in range(36)}
    assert digits[19] == set("89ab")
    assert all(len(found) == 16 for place, found in digits.items() if place not in (8, 13, 14, 18, 19, 23))


def test_literals() -> None:
    assert arrays.encode_plain([1.5, -2e300, 0.0]) == "{1.5,-2e300,0.0}"
    assert arrays.encode_plain(["2026-11-25T08:30:00.000007+00:00"]) == '{"2026-11-25T08:30:00.000007+00:00"}'
    assert arrays.encode_plain(list[float]()) == "{}"
    assert arrays.encode_texts(["a", None, "", "NULL", 'q"\\', "{,}"]) == r'{"a",NULL,"","NULL","q\"\\","{,}"}'
