import pytest

from utxoiq_http.access import Caller, Kind
from utxoiq_http.idempotency import from_request
from utxoiq_http.problems import Problem
from utxoiq_persistence.records import Idempotency, NewMetric

ANN = Caller(Kind.USER, "user:ann")
BOB = Caller(Kind.USER, "user:bob")


def once(
    caller: Caller = ANN, path: str = "/a", key: bytes = b"key", metadata: dict[str, object] | None = None
) -> Idempotency:
    found = from_request({b"idempotency-key": key}, caller, path, NewMetric("api", "latency", 1.0, "ms", metadata))
    assert found is not None
    return found


def test_without_the_header_a_request_is_only_itself() -> None:
    assert from_request({}, ANN, "/a", None) is None


def test_a_key_belongs_to_its_caller_and_route() -> None:
    assert once().caller == once().caller
    assert len({once().caller, once(caller=BOB).caller, once(path="/b").caller}) == 3


def test_the_same_values_are_the_same_body_in_any_order() -> None:
    assert once(metadata={"a": 1, "b": 2}).request_hash == once(metadata={"b": 2, "a": 1}).request_hash
    assert once(metadata={"a": 1}).request_hash != once(metadata={"a": 2}).request_hash


def test_a_key_of_255_characters_is_taken() -> None:
    assert once(key=b"k" * 255).key == "k" * 255


@pytest.mark.parametrize("key", [b"", b"k" * 256, b"a b", b"a\tb", b"\xc3\xa9", b"\x00"])
def test_what_is_no_key_is_422(key: bytes) -> None:
    with pytest.raises(Problem) as raised:
        once(key=key)
    assert raised.value.status == 422
    assert [error.field for error in raised.value.errors] == ["Idempotency-Key"]


def test_a_caller_with_a_long_name_fits_the_table() -> None:
    assert len(once(caller=Caller(Kind.OPERATOR, "operator:" + "x" * 300)).caller) <= 200
