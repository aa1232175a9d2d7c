"""Errors of the platform's own, as application/problem+json (RFC 9457)."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from uuid import uuid4

from aiohttp import web


class PlatformError(Exception):
    """Ends a request with an error that the platform answers in the function's place."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})

    def response(self) -> web.Response:
        """Return the error as application/problem+json."""
        request_id = uuid4().hex
        body = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "instance": f"urn:request:{request_id}",
        }
        return web.Response(
            body=json.dumps(body).encode(),
            status=self.status,
            headers={"X-Request-ID": request_id, **self.headers},
            content_type="application/problem+json",
        )
