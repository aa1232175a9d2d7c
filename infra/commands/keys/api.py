"""The access endpoints, as a client sees them."""

import json
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

PATH = "/api/v1/access/keys"
TIMEOUT_SECONDS = 30


class Refused(Exception):
    """The text says what to do."""


class Api:
    """headers: the credentials."""

    def __init__(self, base_url: str, headers: Mapping[str, str]) -> None:
        self._base_url = base_url.rstrip("/")
        self._headers = headers

    def get(self, path: str = "", **query: str | int | None) -> Any:
        return self._send("GET", path, query, None)

    def post(self, path: str, body: object, **query: str) -> Any:
        return self._send("POST", path, query, body)

    def _send(self, method: str, path: str, query: Mapping[str, str | int | None], body: object) -> Any:
        """Raises Refused."""
        given = {name: value for name, value in query.items() if value is not None}
        url = f"{self._base_url}{PATH}{path}" + (f"?{urlencode(given)}" if given else "")
        if not url.startswith(("https://", "http://")):
            raise Refused(f"{self._base_url!r} is no URL; give --url https://…")
        data = None if body is None else json.dumps(body).encode()
        headers = {**self._headers, "Content-Type": "application/json"}
        request = Request(url, data=data, method=method, headers=headers)  # noqa: S310 - http or https, as checked
        try:
            with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
                return json.load(answer)
        except HTTPError as error:
            raise Refused(_detail(error)) from None
        except (URLError, HTTPException, OSError) as error:
            raise Refused(f"{self._base_url} cannot be reached: {getattr(error, 'reason', error)}") from None


def _detail(error: HTTPError) -> str:
    try:
        return f"{error.code}: {json.load(error)['detail']}"
    except (ValueError, KeyError, TypeError):
        return f"{error.code} {error.reason}: not an answer of this service; check --url"
