"""An OIDC issuer: it signs tokens, and serves its public keys on a port of its own."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from tests.unit.http.issuer_faults import IssuerFault


class Issuer:
    def __init__(self) -> None:
        self.fetches = 0
        self.available = True
        # What it does instead of an answer.
        self.fault: IssuerFault | None = None
        self._keys: dict[str, rsa.RSAPrivateKey] = {}
        self.rotate("key-1")
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}/keys"

    def rotate(self, key_id: str) -> None:
        """From now on it signs with this key and serves no other."""
        self._keys = {key_id: rsa.generate_private_key(public_exponent=65537, key_size=2048)}

    def token(self, issuer: str, audience: str, subject: str, **claims: object) -> str:
        """Good for an hour, unless the claims say otherwise; None leaves a claim out."""
        now = int(time.time())
        payload = {"iss": issuer, "aud": audience, "sub": subject, "iat": now, "exp": now + 3600, **claims}
        ((key_id, key),) = self._keys.items()
        kept = {name: value for name, value in payload.items() if value is not None}
        return jwt.encode(kept, key, algorithm="RS256", headers={"kid": key_id})

    def signed(self, payload: bytes) -> str:
        """A token of whatever is in it."""
        ((key_id, key),) = self._keys.items()
        return jwt.api_jws.encode(payload, key, algorithm="RS256", headers={"kid": key_id})

    @contextmanager
    def serving(self) -> Iterator["Issuer"]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def key_set(self) -> bytes:
        public = [
            {**json.loads(RSAAlgorithm.to_jwk(key.public_key())), "kid": key_id, "use": "sig", "alg": "RS256"}
            for key_id, key in self._keys.items()
        ]
        return json.dumps({"keys": public}).encode()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.fetches += 1
                if issuer.fault is not None:
                    issuer.fault(self)
                    return
                self.send_response(200 if issuer.available else 503)
                self.end_headers()
                self.wfile.write(issuer.key_set() if issuer.available else b"")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name where it is declared
                """Says nothing."""

        return Handler
