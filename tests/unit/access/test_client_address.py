import pytest

from utxoiq_http.client_address import UNKNOWN, from_request, network

PEER = {"client": ("10.0.0.1", 4711)}


@pytest.mark.parametrize(
    ("forwarded", "proxies", "address"),
    [
        (b"203.0.113.7", 0, "203.0.113.7"),
        (b"198.51.100.1, 203.0.113.7", 0, "203.0.113.7"),  # the first one is the client's invention
        (b"198.51.100.1, 203.0.113.7, 192.0.2.9", 1, "203.0.113.7"),
        (b"203.0.113.7", 1, "203.0.113.7"),
        (b"2001:db8::1", 0, "2001:db8::1"),
        (b"nonsense", 0, UNKNOWN),
        (b"203.0.113.7:4711", 0, "203.0.113.7"),
        (b"198.51.100.1, [2001:db8::1]:443", 0, "2001:db8::1"),
        (b"[2001:db8::1]", 0, "2001:db8::1"),
        (b"[2001:db8::1", 0, UNKNOWN),
        (b"2001:DB8:0::1", 0, "2001:db8::1"),
        (b"fe80::1%eth0", 0, "fe80::1"),
        (b"::ffff:203.0.113.7", 0, "203.0.113.7"),
        (b"[::ffff:203.0.113.7]:80", 0, "203.0.113.7"),
        (b"64:ff9b::203.0.113.7", 0, "203.0.113.7"),
        (b"64:ff9b::cb00:7107", 0, "203.0.113.7"),
        (b"64:ff9b:1::cb00:7107", 0, "64:ff9b:1::cb00:7107"),
        (b"203.0.113.7,", 0, "203.0.113.7"),
        (b" , ", 0, UNKNOWN),
        (b"203.0.113.7:", 0, "203.0.113.7"),
        (b"203.0.113.7:4711:1", 0, UNKNOWN),
        (b"\xff", 0, UNKNOWN),
        (b"fe80::1%" + b"a" * 100, 0, UNKNOWN),  # it would be remembered
        (b"", 0, UNKNOWN),
    ],
)
def test_only_what_our_own_proxies_add_is_believed(forwarded: bytes, proxies: int, address: str) -> None:
    assert from_request(PEER, {b"x-forwarded-for": forwarded}, proxies) == address


def test_without_a_proxy_it_is_the_other_end_of_the_connection() -> None:
    assert from_request(PEER, {}, 0) == "10.0.0.1"
    assert from_request({"client": None}, {}, 0) == UNKNOWN


def test_addresses_of_one_ipv6_network_are_one_caller() -> None:
    assert network("2001:db8::1") == network("2001:db8::ffff:1")
    assert network("2001:db8::1") != network("2001:db8:0:1::1")
    assert network("203.0.113.7") == "203.0.113.7"
    assert network(UNKNOWN) == UNKNOWN
