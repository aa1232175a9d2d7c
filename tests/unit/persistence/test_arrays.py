"""What goes into PostgreSQL in arrays: the ids of metrics, and literals. test_packed_arrays.py asks the server."""

from uuid import RFC_4122, UUID

from utxoiq_persistence.metrics.metrics import _new_ids, _spell_ids
from utxoiq_persistence.postgres import arrays


def test_ids_are_random_uuids() -> None:
    data = _new_ids(500)
    texts = _spell_ids(data)
    ids = [UUID(bytes=data[place : place + 16]) for place in range(0, len(data), 16)]
    assert [str(identifier) for identifier in ids] == texts
    assert {(identifier.version, identifier.variant) for identifier in ids} == {(4, RFC_4122)}
    assert len(set(ids)) == 500
    digits = {place: {text[place] for text in texts} for place in range(36)}
    assert digits[19] == set("89ab")
    assert all(len(found) == 16 for place, found in digits.items() if place not in (8, 13, 14, 18, 19, 23))


def test_literals() -> None:
    assert arrays.encode_texts(["a", None, "", "NULL", 'q"\\', "{,}"]) == r'{"a",NULL,"","NULL","q\"\\","{,}"}'
