import pytest

from utxoiq_http.preconditions import expected_versions, is_known, tag
from utxoiq_http.problems import Problem


@pytest.mark.parametrize("header", [b'"3"', b'W/"3"', b'"1", "3"', b'"1",W/"3"', b"*", b" * "])
def test_what_the_client_has_is_not_sent_again(header: bytes) -> None:
    assert is_known(header, 3)


@pytest.mark.parametrize("header", [None, b'"2"', b'"33"', b"3", b"", b'"', b'"a", "b"'])
def test_what_it_does_not_have_is_sent(header: bytes | None) -> None:
    assert not is_known(header, 3)


def test_a_tag_that_went_out_is_known_when_it_comes_back() -> None:
    assert is_known(tag(7), 7)


@pytest.mark.parametrize(
    ("header", "versions"),
    [
        (None, None),
        (b"*", None),
        (b'"3"', [3]),
        (b'"3", "5","4"', [5, 4, 3]),
        (b'W/"3"', []),
        (b'W/"3", "2"', [2]),
        (b'"theirs"', []),
        (b'"99999999999999999999"', []),
        (b'"2147483648"', []),
        (b'"\xb2"', []),
        (b'""', []),
    ],
)
def test_a_change_is_made_to_the_versions_that_are_named(header: bytes | None, versions: list[int] | None) -> None:
    assert expected_versions(header) == versions


@pytest.mark.parametrize("header", [b"3", b"", b'"3', b'"1" "2"', b"W/3", b'"1", *', b", ".join([b'"1"'] * 17)])
def test_what_is_no_list_of_tags_is_422(header: bytes) -> None:
    with pytest.raises(Problem) as raised:
        expected_versions(header)
    assert raised.value.status == 422
    assert [error.field for error in raised.value.errors] == ["If-Match"]
