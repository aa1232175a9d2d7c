"""Where a request comes from, as far as its word can be taken."""

import ipaddress
from collections.abc import Mapping
from functools import lru_cache

from starlette.types import Scope

UNKNOWN = "unknown"
# Whoever has an IPv6 address has all of its network.
_NETWORK_BITS = 64


def of_request(scope: Scope, headers: Mapping[bytes, bytes], trusted_proxies: int) -> str:
    """The client's address.

    Each proxy appends the address that it was called from to X-Forwarded-For; what stands before that is the client's
    own invention. Cloud Run's front end appends one. trusted_proxies: how many more of ours follow it, such as a load
    balancer.
    """
    forwarded = headers.get(b"x-forwarded-for")
    if forwarded is not None:
        entries = forwarded.split(b",")
        return _address(entries[max(0, len(entries) - 1 - trusted_proxies)].strip())
    client = scope.get("client")
    return _address(client[0].encode()) if client else UNKNOWN


@lru_cache(4096)
def network(address: str) -> str:
    """Whom an address belongs to: itself, or the network of an IPv6 one."""
    if ":" not in address:
        return address
    return str(ipaddress.IPv6Network((address, _NETWORK_BITS), strict=False).network_address)


@lru_cache(4096)
def _address(entry: bytes) -> str:
    try:
        return str(ipaddress.ip_address(entry.decode("ascii", "replace")))
    except ValueError:
        return UNKNOWN
