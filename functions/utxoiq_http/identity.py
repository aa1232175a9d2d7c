"""Identification of callers by their ID tokens and API keys."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import jwt
import msgspec

from utxoiq_http.access import NOBODY, Caller, Kind
from utxoiq_http.config import IdentitySettings
from utxoiq_http.issuer_keys import IssuerKeys
from utxoiq_http.problems import HOW_TO_IDENTIFY, Problem, unauthorized
from utxoiq_persistence.access.key_ring import KeyHolder
from utxoiq_persistence.records import Name

GOOGLE_ISSUER = "https://accounts.google.com"
ALGORITHM = "RS256"
LEEWAY_SECONDS = 10
MAX_TOKEN_LENGTH = 8192
MAX_VERIFIED = 10_000

_CHALLENGE = 'Bearer error="invalid_token"'


class Keys(Protocol):
    """Looks API keys up."""

    def knows(self, key: bytes) -> bool:
        """Return whether a lookup of the key takes no query."""

    async def check(self, key: bytes) -> KeyHolder | None:
        """Return the holder of the key; None if there is no such key."""


class Identities:
    """Identifies callers. The digests of verified tokens are remembered until the tokens expire."""

    def __init__(self, settings: IdentitySettings, keys: Keys) -> None:
        self._settings = settings
        self._keys = keys
        self._users = IssuerKeys(settings.user_jwks_url)
        self._google = IssuerKeys(settings.google_jwks_url)
        self._verified: OrderedDict[bytes, tuple[Caller, float]] = OrderedDict()

    async def identify(self, headers: Mapping[bytes, bytes]) -> Caller:
        """Return the caller of a request; NOBODY if it has no credentials.

        Raises Problem 400 for two credentials, 401 for invalid ones, 503 if the issuer's keys are unavailable.
        """
        authorization = headers.get(b"authorization")
        api_key = headers.get(b"x-api-key")
        if authorization is None:
            return NOBODY if api_key is None else await self._of_api_key(api_key)
        if api_key is not None:
            raise Problem(400, "send Authorization or X-API-Key, not both")
        digest = hashlib.sha256(authorization).digest()
        known = self._verified.get(digest)
        if known is not None and known[1] > time.time():
            self._verified.move_to_end(digest)
            return known[0]
        caller, expires = await self._verify(_bearer(authorization))
        self._remember(digest, caller, expires)
        return caller

    def knows(self, headers: Mapping[bytes, bytes]) -> bool:
        """Return whether the caller is identified without verification: no credentials, or ones seen before."""
        authorization = headers.get(b"authorization")
        api_key = headers.get(b"x-api-key")
        if authorization is not None:
            return hashlib.sha256(authorization).digest() in self._verified
        return api_key is None or self._keys.knows(api_key)

    async def _of_api_key(self, api_key: bytes) -> Caller:
        holder = await self._keys.check(api_key)
        if holder is None:
            raise unauthorized("X-API-Key is not a key of this service")
        if holder.status != "active":
            raise unauthorized(f"this API key is {holder.status}; ask its owner for the one in use")
        return Caller(
            Kind.SERVICE,
            f"service:{holder.name}",
            scopes=holder.scopes,
            key_id=holder.key_id,
            requests_per_hour=holder.requests_per_hour,
            batches_per_hour=holder.batches_per_hour,
        )

    def _remember(self, digest: bytes, caller: Caller, expires: float) -> None:
        self._verified[digest] = caller, expires
        self._verified.move_to_end(digest)
        if len(self._verified) > MAX_VERIFIED:
            self._verified.popitem(last=False)

    async def _verify(self, token: str) -> tuple[Caller, float]:
        try:
            unverified = jwt.decode_complete(token, options={"verify_signature": False})
            issuer, key_id = unverified["payload"].get("iss"), unverified["header"].get("kid")
            if issuer == self._settings.user_issuer:
                claims = await self._claims(token, issuer, key_id, self._users, [self._settings.user_audience])
                caller = _user(claims)
            elif issuer == GOOGLE_ISSUER:
                audiences = [self._settings.function_audience, self._settings.operator_audience]
                claims = await self._claims(token, issuer, key_id, self._google, audiences)
                caller = self._of_google(claims)
            else:
                raise _refused("its issuer is not one that this service trusts")
        except jwt.PyJWTError as error:
            raise _refused(str(error)) from None
        return caller, claims["exp"] + LEEWAY_SECONDS

    async def _claims(
        self, token: str, issuer: str, key_id: object, keys: IssuerKeys, audiences: Sequence[str]
    ) -> Mapping[str, Any]:
        key = await keys.find(key_id) if isinstance(key_id, str) else None
        if key is None:
            raise _refused("its issuer has no key of that id")
        return jwt.decode(
            token,
            key.key,
            algorithms=[ALGORITHM],
            issuer=issuer,
            audience=audiences,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp", "iat", "aud", "iss", "sub"]},
        )

    def _of_google(self, claims: Mapping[str, Any]) -> Caller:
        email = claims.get("email")
        if not isinstance(email, str) or claims.get("email_verified") is not True:
            raise _refused("it names no verified email")
        if email in self._settings.operators:
            return Caller(Kind.OPERATOR, f"operator:{email}")
        # The scheduler's token must have this function as its audience; a token for another function is not accepted.
        if email == self._settings.scheduler and claims["aud"] == self._settings.function_audience:
            return Caller(Kind.SCHEDULER, f"scheduler:{email}")
        return Caller(Kind.STRANGER, f"stranger:{email}")


def _bearer(authorization: bytes) -> str:
    scheme, _, token = authorization.partition(b" ")
    token = token.strip()
    if scheme.lower() != b"bearer" or not token:
        raise unauthorized(HOW_TO_IDENTIFY)
    if len(token) > MAX_TOKEN_LENGTH:
        raise _refused(f"it is longer than {MAX_TOKEN_LENGTH} characters")
    return token.decode("latin-1")


def _user(claims: Mapping[str, Any]) -> Caller:
    try:
        subject: str = msgspec.convert(claims["sub"], Name)
    except msgspec.ValidationError:
        raise _refused("its subject is not a user id of 1 to 100 characters") from None
    if not subject.isprintable():
        raise _refused("its subject has characters that no user id has")
    return Caller(Kind.USER, f"user:{subject}", subject=subject)


def _refused(why: str) -> Problem:
    return unauthorized(f"the token is refused: {why}; send a fresh ID token", challenge=_CHALLENGE)
