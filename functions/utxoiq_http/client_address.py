"""The client address of a request, from the headers that trusted proxies set."""

import ipaddress
from collections.abc import Mapping
from functools import lru_cache

from starlette.types import Scope

UNKNOWN = "unknown"
# A client with an IPv6 address usually has its whole /64 network.
_NETWORK_BITS = 64


def of_request(scope: Scope, headers: Mapping[bytes, bytes], trusted_proxies: int) -> str:
    """Return the client's address; UNKNOWN if it cannot be determined.

    Each proxy appends the address that it was called from to X-Forwarded-For. The client can choose all entries before
    those. Cloud Run's front end appends one; `trusted_proxies` counts our own proxies after it, such as a balancer.
    """
    forwarded = headers.get(b"x-forwarded-for")
    if forwarded is not None:
        entries = forwarded.split(b",")
        return _address(entries[max(0, len(entries) - 1 - trusted_proxies)].strip())
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
    try:
        return str(ipaddress.ip_address(entry.decode("ascii", "replace")))
    except ValueError:
        return UNKNOWN
