"""What keeps other web pages from pressing this one's buttons in an operator's browser."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

HOURS_VALID = 12
_HOUR = 3600
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Forged(Exception):
    """A form that was not sent from a page of this console, to this caller, lately."""


class Forms:
    """secret: the same for every instance, so that one takes what another has shown."""

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), b"the console's forms", "sha256")

    def token(self, caller: str) -> str:
        """For a form on a page that the caller is shown; the same for an hour."""
        return self._token(caller, int(time.time()) // _HOUR)

    def check(self, headers: Mapping[str, str], caller: str, token: str) -> None:
        """Raises Forged."""
        site = headers.get("sec-fetch-site")
        if site is not None and site != "same-origin":
            raise Forged("another web page has sent this form")
        origin = headers.get("origin")
        if origin is not None and not _is_own(origin, headers.get("host", "")):
            raise Forged("another web page has sent this form")
        now = int(time.time()) // _HOUR
        if not any(hmac.compare_digest(token.encode(), self._token(caller, now - age).encode()) for age in _AGES):
            raise Forged("this page is older than it may be: load it again, and press the button again")

    def _token(self, caller: str, hour: int) -> str:
        mac = hmac.digest(self._key, f"{hour}\0{caller}".encode(), "sha256")
        return base64.urlsafe_b64encode(mac[:18]).decode()


_AGES = range(HOURS_VALID + 1)


def caller_of(headers: Mapping[str, str]) -> str:
    """Whom the platform let in: it has verified the token, and taken its signature away."""
    parts = headers.get("authorization", "").split(".")
    if len(parts) != 3:
        return "anonymous"
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return f"operator:{claims['email']}"
    except (ValueError, KeyError, TypeError):
        return "anonymous"


def version(content: bytes) -> str:
    """By which a browser may keep a file for ever."""
    return hashlib.sha256(content).hexdigest()[:12]


def _is_own(origin: str, host: str) -> bool:
    """`gcloud run services proxy` serves the page on the operator's own machine, under another host."""
    url = urlsplit(origin)
    return url.netloc == host or url.hostname in LOOPBACK
