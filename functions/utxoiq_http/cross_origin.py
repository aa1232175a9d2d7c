"""Cross-origin requests (CORS): only web pages of the configured origins may call from a browser; by default none.

Credentials are headers that a page sets itself. Cookies are not used, so they are not allowed.
"""

from collections.abc import Iterable, Mapping

from utxoiq_http import answer
from utxoiq_http.answer import Answer, Header

PREFLIGHT_SECONDS = 7200
_REQUEST_HEADERS = (
    b"authorization, content-type, idempotency-key, if-match, if-none-match, x-api-key, x-correlation-id, x-request-id"
)
_ANSWER_HEADERS = (
    b"allow, etag, link, location, retry-after, www-authenticate, x-archived-range, x-archived-rows, x-correlation-id, "
    b"x-ignored-fields, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, x-request-id"
)
_VARY: Header = (b"vary", b"origin")


class CrossOrigin:
    """Answers preflight requests, and returns the CORS headers of responses.

    `origins` are those of the allowed pages as browsers send them, such as `https://app.example.org`.
    """

    def __init__(self, origins: Iterable[str]) -> None:
        self._origins = frozenset(origin.encode() for origin in origins)

    def preflight(self, headers: Mapping[bytes, bytes], methods: Iterable[str]) -> Answer | None:
        """Return the response to a preflight request; None if it is none, or its origin is not allowed.

        It lacks what `headers` returns, which every response gets: browsers refuse an Access-Control-Allow-Origin that
        comes twice.
        """
        if b"access-control-request-method" not in headers or headers.get(b"origin") not in self._origins:
            return None
        return answer.without_body(
            204,
            [
                (b"access-control-allow-methods", ", ".join(sorted(methods)).encode()),
                (b"access-control-allow-headers", _REQUEST_HEADERS),
                (b"access-control-max-age", b"%d" % PREFLIGHT_SECONDS),
            ],
        )

    def headers(self, headers: Mapping[bytes, bytes]) -> list[Header]:
        """Return the response headers that allow a page of an allowed origin to read the response."""
        if not self._origins:
            return []
        origin = headers.get(b"origin")
        if origin is None or origin not in self._origins:
            return [_VARY]
        return [_VARY, (b"access-control-allow-origin", origin), (b"access-control-expose-headers", _ANSWER_HEADERS)]
