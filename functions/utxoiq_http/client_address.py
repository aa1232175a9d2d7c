"""The client address of a request, from the headers that trusted proxies set."""

import ipaddress
import re
from collections.abc import Mapping
from functools import lru_cache

from starlette.types import Scope

UNKNOWN = "unknown"
# A client with an IPv6 address usually has its whole /64 network.
_NETWORK_BITS = 64
# RFC 6052: the last 32 bits are an IPv4 address that a translator has put there.
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
# Longer than any address with its zone and port; addresses are remembered, and a caller without a proxy writes them.
_MAX_ENTRY = 80
# An IPv4 address with a port, and an IPv6 one in brackets, with a port or without.
_with_port = re.compile(r"(?:([0-9.]+):|\[([0-9a-fA-F:.%]+)\](?::|$))([0-9]{1,5})?").fullmatch


def from_request(scope: Scope, headers: Mapping[bytes, bytes], trusted_proxies: int) -> str:
    """Return the client's address; UNKNOWN if it cannot be determined.

    Each proxy appends the address that it was called from to X-Forwarded-For. The client can choose all entries before
    those. Cloud Run's front end appends one; `trusted_proxies` counts our own proxies after it, such as a balancer.
    """
    forwarded = headers.get(b"x-forwarded-for")
    if forwarded is not None:
        entries = [entry for entry in map(bytes.strip, forwarded.split(b",")) if entry]
        entry = entries[max(0, len(entries) - 1 - trusted_proxies)] if entries else b""
        return _address(entry) if len(entry) <= _MAX_ENTRY else UNKNOWN
    client = scope.get("client")
    return _address(client[0].encode()) if client else UNKNOWN


@lru_cache(4096)
def network(address: str) -> str:
    """Return the address to count by: an IPv4 address itself, the network address for IPv6."""
    if ":" not in address:
        return address
    return str(ipaddress.IPv6Network((address, _NETWORK_BITS), strict=False).network_address)


@lru_cache(4096)
def _address(entry: bytes) -> str:
    """Return the address in its one spelling, without the port; an IPv4 address within an IPv6 one is that."""
    text = entry.decode("ascii", "replace")
    if (match := _with_port(text)) is not None:
        text = match[1] or match[2]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return UNKNOWN
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        if address in _TRANSLATED:
            return str(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        return str(ipaddress.IPv6Address(int(address)))  # without a zone, which means something on one machine only
    return str(address)
