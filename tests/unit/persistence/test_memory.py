import time

from utxoiq_persistence.cache.memory import OVERHEAD, Memory
from utxoiq_persistence.records import Document

LATER = float("inf")  # no entry ends while the tests run


def test_an_entry_is_held_until_its_time() -> None:
    memory = Memory(10_000, 10)
    memory.keep("tag", "field", LATER, Document(b"x"))
    memory.keep("tag", "old", time.monotonic() - 1, Document(b"x"))
    assert memory.get("tag", "field") == Document(b"x")
    assert memory.get("tag", "old") is memory.get("tag", "none") is memory.get("none", "field") is None


def test_the_tags_used_longest_ago_make_room() -> None:
    memory = Memory(3 * (OVERHEAD + 1), 10)
    for tag in "abc":
        memory.keep(tag, "", LATER, Document(b"x"))
    memory.get("a", "")
    memory.keep("d", "", LATER, Document(b"x"))
    assert [tag for tag in "abcd" if memory.get(tag, "")] == ["a", "c", "d"]
    assert memory.evictions == 1


def test_bytes_are_those_of_what_is_held_whatever_happens() -> None:
    memory = Memory(100_000, 4)
    for turn in range(100):
        memory.keep(f"tag {turn % 3}", f"field {turn % 5}", LATER, Document(b"x" * turn))
        if turn % 17 == 0:
            memory.drop(f"tag {turn % 3}")
    evictions = memory.evictions
    for tag in range(3):
        memory.drop(f"tag {tag}")
    assert memory.bytes == 0
    assert memory.evictions == evictions  # what a write drops had room


def test_what_is_larger_than_all_room_is_not_held() -> None:
    memory = Memory(1000, 10)
    memory.keep("tag", "", LATER, Document(b"x" * 1000))
    assert memory.get("tag", "") is None
    assert memory.bytes == 0


def test_a_tag_holds_no_more_than_its_fields() -> None:
    memory = Memory(1_000_000, 3)
    for field in range(100):
        memory.keep("tag", str(field), LATER, Document(b""))
    assert memory.get("tag", "99") is not None
    assert memory.bytes <= 3 * OVERHEAD
