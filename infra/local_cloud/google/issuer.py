"""Issuers of ID tokens: the one of the users, and Google in the platform's place. Each has a key of its own."""

import hashlib
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from local_cloud.state import State, write_private

ALGORITHM = "RS256"
GOOGLE = "https://accounts.google.com"
LEEWAY_SECONDS = 10


class Issuer:
    """Signs ID tokens with a key of its own. issuer: the `iss` of its tokens. url: where its documents are served."""

    def __init__(self, issuer: str, url: str, key: RSAPrivateKey) -> None:
        self.issuer = issuer
        self.url = url
        self._key = key
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
        self._key_id = hashlib.sha256(public["n"].encode()).hexdigest()[:16]
        self._jwk = {**public, "kid": self._key_id, "alg": ALGORITHM, "use": "sig"}

    @property
    def jwks_url(self) -> str:
        """Return where its public keys are served."""
        return f"{self.url}/jwks.json"

    @property
    def jwks(self) -> Mapping[str, Any]:
        """Return its public keys as a JSON Web Key Set."""
        return {"keys": [self._jwk]}

    @property
    def configuration(self) -> Mapping[str, Any]:
        """Return the OpenID Connect discovery document."""
        return {
            "issuer": self.issuer,
            "jwks_uri": self.jwks_url,
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
        }

    def token(self, subject: str, audience: str, seconds: float, **claims: object) -> str:
        """Return a signed token that is valid for so many seconds. claims: those beyond the registered ones."""
        now = int(time.time())
        payload = {"iss": self.issuer, "sub": subject, "aud": audience, "iat": now, "exp": int(now + seconds), **claims}
        return jwt.encode(payload, self._key, algorithm=ALGORITHM, headers={"kid": self._key_id})

    def verify_token(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a token of this issuer, for whatever audience. Raises jwt.PyJWTError."""
        return jwt.decode(
            token,
            self._key.public_key(),
            algorithms=[ALGORITHM],
            issuer=self.issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "aud", "iss", "sub"], "verify_aud": False},
        )


class Issuers:
    """The issuer of the users, and Google. users: what the users' issuer calls itself, if not by its URL."""

    def __init__(self, state: State, base_url: str, users: str | None = None) -> None:
        users_url = f"{base_url}/_local/users"
        self.users = Issuer(users or users_url, users_url, _load_key(state.keys / "users.pem"))
        self.google = Issuer(GOOGLE, f"{base_url}/_local/google", _load_key(state.keys / "google.pem"))

    def account_token(self, email: str, audience: str, seconds: float) -> str:
        """Return a token as Google signs it for a service account, or for a person."""
        return self.google.token(email, audience, seconds, email=email, email_verified=True, azp=email)


def _load_key(file: Path) -> RSAPrivateKey:
    if not file.exists():
        made = generate_private_key(public_exponent=65537, key_size=2048)
        pem = made.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_private(file, pem.decode())
    key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError(f"{file} holds no RSA key")
    return key
