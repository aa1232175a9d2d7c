"""Where other things of the same function are, right under every address that it is reached by."""

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
    """The path that the platform serves the function below, and takes off before it calls the function."""

    def __init__(self, function_url: str) -> None:
        url = urlsplit(function_url)
        self._host = url.netloc.encode()
        self._path = url.path.rstrip("/")

    def path(self, headers: Mapping[bytes, bytes], path: str) -> str:
        """The path as the client wrote it."""
        return self._path + path if headers.get(b"host") == self._host else path


def location(path: str) -> Header:
    return (b"location", path.encode())


def next_page(path: str, query: Struct, cursor: str) -> Header:
    """The same list from after its last row on; offset has no part in it."""
    parameters = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in msgspec.structs.asdict(query).items()
        if value is not None and name not in _NOT_IN_NEXT
    }
    return (b"link", f'<{path}?{urlencode({**parameters, "cursor": cursor})}>; rel="next"'.encode())
