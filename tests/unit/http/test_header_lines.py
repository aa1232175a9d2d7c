"""Headers in several lines are one list."""

from utxoiq_http import preconditions
from utxoiq_http.client_address import from_request
from utxoiq_http.header_lines import combine


def test_lines_of_one_name_are_one_list_in_their_order() -> None:
    lines = [(b"if-match", b'"1"'), (b"accept", b"a"), (b"if-match", b'"7", "9"')]
    headers = combine(lines)
    assert headers == {b"if-match": b'"1", "7", "9"', b"accept": b"a"}
    assert preconditions.expected_versions(headers[b"if-match"]) == [9, 7, 1]


def test_any_line_of_if_none_match_may_know_the_version() -> None:
    headers = combine([(b"if-none-match", b'"1"'), (b"if-none-match", b'"2"')])
    assert [preconditions.is_known(headers[b"if-none-match"], version) for version in (1, 2, 3)] == [True, True, False]


def test_the_last_proxys_line_is_the_last_entry() -> None:
    headers = combine([(b"x-forwarded-for", b"198.51.100.1"), (b"x-forwarded-for", b"192.0.2.9, 203.0.113.7")])
    assert from_request({}, headers, 0) == "203.0.113.7"
    assert from_request({}, headers, 1) == "192.0.2.9"
