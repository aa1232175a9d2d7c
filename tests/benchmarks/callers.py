"""Who calls in the benchmarks: users with signed tokens, and a service with an API key."""

import http.server
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from local_cloud.google.issuer import Issuer
from utxoiq_persistence.access.api_keys import digest_key
from utxoiq_persistence.access.declared_keys import DeclaredKey
from utxoiq_persistence.records import Scope

AUDIENCE = "utxoiq-bench"
TOKEN_SECONDS = 6 * 3600
KEY_ID = "benchmarking"
# Limits are counted as ever, and never reached.
PLENTY = 10**9
SCOPES: tuple[Scope, ...] = (
    "backfill:read",
    "backfill:write",
    "feedback:read",
    "feedback:write",
    "metrics:read",
    "metrics:write",
)


class Callers:
    """environment and declared: what lets a function recognise them."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self.api_key = f"uiq_{KEY_ID}_{secrets.token_urlsafe(32)}"
        self.declared = DeclaredKey(
            KEY_ID, digest_key(self.api_key.encode()).hex(), "bench", frozenset(SCOPES), PLENTY, PLENTY
        )
        self.environment = {
            "OIDC_USER_ISSUER": issuer.issuer,
            "OIDC_USER_AUDIENCE": AUDIENCE,
            "OIDC_USER_JWKS_URL": issuer.jwks_url,
            "RATE_LIMIT_SIGNED_IN": str(PLENTY),
            "RATE_LIMIT_ADDRESS": str(PLENTY),
            "MAX_TOKEN_SECONDS": str(int(TOKEN_SECONDS)),
        }

    def token(self, user: str) -> str:
        return self._issuer.token(user, AUDIENCE, TOKEN_SECONDS)


@contextmanager
def callers() -> Iterator[Callers]:
    """With the issuer's keys served for as long."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Keys) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        issuer = Issuer(url, url, generate_private_key(public_exponent=65537, key_size=2048))
        _Keys.document = json.dumps(issuer.jwks).encode()
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Callers(issuer)
        finally:
            server.shutdown()
            thread.join()


class _Keys(http.server.BaseHTTPRequestHandler):
    document: bytes

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.document)))
        self.end_headers()
        self.wfile.write(self.document)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """The library's own would write a line for each fetch to standard error."""
