"""Links to other paths of the same function, correct for every host that it is reached by."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode, urlsplit

import msgspec
from msgspec import Struct

from utxoiq_http.answer import Header

LINK = "Link"
LOCATION = "Location"
_NOT_IN_NEXT = ("offset", "cursor")


class Base:
    """Knows the path prefix that the platform serves the function below and strips before it calls the function."""

    def __init__(self, function_url: str) -> None:
        url = urlsplit(function_url)
        self._host = url.netloc.encode()
        self._path = url.path.rstrip("/")

    def path(self, headers: Mapping[bytes, bytes], path: str) -> str:
        """Return the path as the client sent it."""
        return self._path + path if headers.get(b"host") == self._host else path


def location(path: str) -> Header:
    """Return a Location header with the path."""
    return (b"location", path.encode())


def next_page(path: str, query: Struct, cursor: str) -> Header:
    """Return a Link header to the next page of a list, which starts after the cursor; it has no offset."""
    parameters = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in msgspec.structs.asdict(query).items()
        if value is not None and name not in _NOT_IN_NEXT
    }
    return (b"link", f'<{path}?{urlencode({**parameters, "cursor": cursor})}>; rel="next"'.encode())
