"""Protection of forms against cross-site request forgery."""

import base64
import hmac
import json
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

HOURS_VALID = 12
_HOUR = 3600
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class ForgedForm(Exception):
    """A form was not sent from a page that this console showed to this caller recently."""


class Forms:
    """Issues and checks form tokens. All instances have the same secret, so each accepts the others' tokens."""

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), b"the console's forms", "sha256")

    def token(self, caller: str) -> str:
        """Return the token for the forms of a caller's page. It is the same for an hour."""
        return self._token(caller, int(time.time()) // _HOUR)

    def check(self, headers: Mapping[str, str], caller: str, token: str) -> None:
        """Check that a form was sent from the console's own page, to this caller. Raises ForgedForm if not."""
        site = headers.get("sec-fetch-site")
        if site is not None and site != "same-origin":
            raise ForgedForm("another web page has sent this form")
        origin = headers.get("origin")
        if origin is not None and not _is_own(origin, headers.get("host", "")):
            raise ForgedForm("another web page has sent this form")
        now = int(time.time()) // _HOUR
        if not any(hmac.compare_digest(token.encode(), self._token(caller, now - age).encode()) for age in _AGES):
            raise ForgedForm("this page is older than it may be; reload it and try again")

    def _token(self, caller: str, hour: int) -> str:
        mac = hmac.digest(self._key, f"{hour}\0{caller}".encode(), "sha256")
        return base64.urlsafe_b64encode(mac[:18]).decode()


_AGES = range(HOURS_VALID + 1)


def identify_caller(headers: Mapping[str, str]) -> str:
    """Return the name of the caller. The platform has verified the token and removed its signature."""
    parts = headers.get("authorization", "").split(".")
    if len(parts) != 3:
        return "anonymous"
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return f"operator:{claims['email']}"
    except (ValueError, KeyError, TypeError):
        return "anonymous"


def _is_own(origin: str, host: str) -> bool:
    """Return whether the origin is this console: its host, or the loopback host of `gcloud run services proxy`."""
    url = urlsplit(origin)
    return url.netloc == host or url.hostname in LOOPBACK
