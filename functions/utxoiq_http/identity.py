"""Identification of callers by their ID tokens and API keys."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Protocol

import jwt
import msgspec
from jwt import PyJWK
from msgspec import Meta, Struct

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
# What Cloud Run puts in the place of a signature that it has verified, in calls of a function that it guards.
SIGNATURE_REMOVED = b".SIGNATURE_REMOVED_BY_GOOGLE"
MAX_VERIFIED = 10_000
# A verdict holds no longer than this, nor than its token and its key.
VERDICT_SECONDS = 300

# Seconds since 1970, and a number that a moment can be.
_Moment = Annotated[float, Meta(ge=0, le=2**40)]

_CHALLENGE = 'Bearer error="invalid_token"'


class Keys(Protocol):
    """Looks API keys up."""

    def knows(self, key: bytes) -> bool:
        """Return whether a lookup of the key takes no query."""

    def recall(self, key: bytes) -> KeyHolder | None:
        """Return the holder of an active key that was looked up lately; else None."""

    async def check(self, key: bytes) -> KeyHolder | None:
        """Return the holder of the key; None if there is no such key."""


class _Firebase(Struct):
    """Has what Firebase Authentication tells of how a user signed in."""

    sign_in_provider: str | None = None
    tenant: str | None = None


class _Claims(Struct):
    """Has the claims of a token, in their required types."""

    iss: str
    sub: str
    aud: str | list[str]
    exp: _Moment
    iat: _Moment
    nbf: _Moment = 0.0
    email: str | None = None
    email_verified: bool | None = None
    firebase: _Firebase | None = None


class _Verdict(Struct):
    """Has the caller of a verified token, the key that verified it, and when the verdict expires.

    That is by the monotonic clock: one that is set prolongs no verdict.
    """

    caller: Caller
    keys: IssuerKeys
    key: PyJWK
    until: float


class Identities:
    """Identifies callers. The digests of verified tokens are remembered for minutes, while their key is valid."""

    def __init__(self, settings: IdentitySettings, keys: Keys) -> None:
        self._settings = settings
        self._keys = keys
        self._users = IssuerKeys(settings.user_jwks_url)
        self._google = IssuerKeys(settings.google_jwks_url)
        self._verified: OrderedDict[bytes, _Verdict] = OrderedDict()

    def recall(self, headers: Mapping[bytes, bytes]) -> Caller | None:
        """Return the caller of a request whose credentials were verified lately, NOBODY if it has none; else None."""
        authorization = headers.get(b"authorization")
        api_key = headers.get(b"x-api-key")
        if authorization is None:
            if api_key is None:
                return NOBODY
            holder = self._keys.recall(api_key)
            return None if holder is None else _service(holder)
        if api_key is not None or (self._settings.checked_by_platform and authorization.endswith(SIGNATURE_REMOVED)):
            return None
        verdict = self._standing(hashlib.sha256(authorization).digest())
        return None if verdict is None else verdict.caller

    async def identify(self, headers: Mapping[bytes, bytes]) -> Caller:
        """Return the caller of a request; NOBODY if it has no credentials.

        Raises Problem 400 for two credentials, 401 for invalid ones, 503 if the issuer's keys are unavailable.
        """
        known = self.recall(headers)
        if known is not None:
            return known
        authorization = headers.get(b"authorization", b"")
        api_key = headers.get(b"x-api-key")
        if api_key is not None:
            if b"authorization" in headers:
                raise Problem(400, "send Authorization or X-API-Key, not both")
            return await self._identify_by_key(api_key)
        if self._settings.checked_by_platform and authorization.endswith(SIGNATURE_REMOVED):
            return self._identify_by_platform(_bearer(authorization))
        verdict = await self._verify(_bearer(authorization))
        self._remember(hashlib.sha256(authorization).digest(), verdict)
        return verdict.caller

    def knows(self, headers: Mapping[bytes, bytes]) -> bool:
        """Return whether the caller is identified without verification: no credentials, or ones seen before."""
        authorization = headers.get(b"authorization")
        api_key = headers.get(b"x-api-key")
        if authorization is not None:
            if self._settings.checked_by_platform and authorization.endswith(SIGNATURE_REMOVED):
                return True
            return self._standing(hashlib.sha256(authorization).digest()) is not None
        return api_key is None or self._keys.knows(api_key)

    async def _identify_by_key(self, api_key: bytes) -> Caller:
        holder = await self._keys.check(api_key)
        if holder is None:
            raise unauthorized("X-API-Key is not a key of this service")
        if holder.status != "active":
            raise unauthorized(f"this API key is {holder.status}; ask its owner for the one in use")
        return _service(holder)

    def _standing(self, digest: bytes) -> _Verdict | None:
        """Return the verdict on a token; None if there is none that is still valid."""
        verdict = self._verified.get(digest)
        if verdict is None:
            return None
        if verdict.until <= time.monotonic() or not verdict.keys.holds(verdict.key):
            del self._verified[digest]
            return None
        self._verified.move_to_end(digest)
        return verdict

    def _remember(self, digest: bytes, verdict: _Verdict) -> None:
        self._verified[digest] = verdict
        self._verified.move_to_end(digest)
        if len(self._verified) > MAX_VERIFIED:
            self._verified.popitem(last=False)

    async def _verify(self, token: str) -> _Verdict:
        key_id, claims = _unverified(token)
        if claims.iss == self._settings.user_issuer:
            keys, audiences, recognise = self._users, [self._settings.user_audience], self._recognise_user
        elif claims.iss == GOOGLE_ISSUER:
            audiences = [self._settings.function_audience, self._settings.operator_audience]
            keys, recognise = self._google, self._recognise_google
        else:
            raise _refused("its issuer is not one that this service trusts")
        key = await keys.find(key_id)
        if key is None:
            raise _refused("its issuer has no key of that id")
        self._check(token, key, claims, audiences)
        seconds = min(claims.exp + LEEWAY_SECONDS - time.time(), VERDICT_SECONDS)
        return _Verdict(recognise(claims), keys, key, time.monotonic() + seconds)

    def _identify_by_platform(self, token: str) -> Caller:
        """Return the caller of a token that Cloud Run has verified, for whatever audience of this function's.

        Raises Problem 401 for one that is not Google's, or over.
        """
        _, claims = _unverified(token)
        with _refusals():
            jwt.decode(
                token,
                issuer=GOOGLE_ISSUER,
                leeway=LEEWAY_SECONDS,
                options={"verify_signature": False, "verify_exp": True, "verify_iss": True, "require": ["exp", "iss"]},
            )
        return self._recognise_google(claims)

    def _check(self, token: str, key: PyJWK, claims: _Claims, audiences: Sequence[str]) -> None:
        """Raises Problem 401 for a token that does not hold. claims: the token's own, whose types are right."""
        with _refusals():
            jwt.decode(
                token,
                key.key,
                algorithms=[ALGORITHM],
                issuer=claims.iss,
                audience=audiences,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "aud", "iss", "sub"]},
            )
        if claims.exp - claims.iat > self._settings.max_token_seconds:
            raise _refused(f"it is made for longer than {self._settings.max_token_seconds} s")

    def _recognise_user(self, claims: _Claims) -> Caller:
        firebase = claims.firebase or _Firebase()
        accepted = self._settings.sign_in_providers
        if accepted and firebase.sign_in_provider not in accepted:
            raise _refused(f"its user did not sign in by {' or '.join(sorted(accepted))}")
        if firebase.tenant != self._settings.user_tenant:
            raise _refused("its user belongs to another tenant")
        return _user(claims)

    def _recognise_google(self, claims: _Claims) -> Caller:
        email = claims.email
        if email is None or claims.email_verified is not True:
            raise _refused("it names no verified email")
        if email in self._settings.operators:
            return Caller(Kind.OPERATOR, f"operator:{email}")
        # The scheduler's token must have this function as its audience; a token for another function is not accepted.
        if email == self._settings.scheduler and claims.aud == self._settings.function_audience:
            return Caller(Kind.SCHEDULER, f"scheduler:{email}")
        return Caller(Kind.STRANGER, f"stranger:{email}")


def _service(holder: KeyHolder) -> Caller:
    return Caller(
        Kind.SERVICE,
        f"service:{holder.name}",
        scopes=holder.scopes,
        key_id=holder.key_id,
        requests_per_hour=holder.requests_per_hour,
        batches_per_hour=holder.batches_per_hour,
    )


def _bearer(authorization: bytes) -> str:
    scheme, _, token = authorization.partition(b" ")
    token = token.strip()
    if scheme.lower() != b"bearer" or not token:
        raise unauthorized(HOW_TO_IDENTIFY)
    if len(token) > MAX_TOKEN_LENGTH:
        raise _refused(f"it is longer than {MAX_TOKEN_LENGTH} characters")
    return token.decode("latin-1")


def _unverified(token: str) -> tuple[str, _Claims]:
    """Return what the token says of its key and of itself, before anything of it is believed.

    Raises Problem 401 where it says nothing, or something of a type that it cannot have.
    """
    with _refusals():
        unverified = jwt.decode_complete(token, options={"verify_signature": False})
        key_id = unverified["header"].get("kid")
        claims = msgspec.convert(unverified["payload"], _Claims)
    if not isinstance(key_id, str):
        raise _refused("its issuer has no key of that id")
    return key_id, claims


@contextmanager
def _refusals() -> Iterator[None]:
    """Raises Problem 401 for whatever a token that its sender made up can lead to."""
    try:
        yield
    except msgspec.ValidationError as error:
        raise _refused(f"a claim is not as it must be: {error}") from None
    except jwt.PyJWTError as error:
        raise _refused(str(error)) from None
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise _refused("it cannot be read") from None


def _user(claims: _Claims) -> Caller:
    try:
        subject: str = msgspec.convert(claims.sub, Name)
    except msgspec.ValidationError:
        raise _refused("its subject is not a user id of 1 to 100 characters") from None
    if not subject.isprintable():
        raise _refused("its subject has characters that no user id has")
    return Caller(Kind.USER, f"user:{subject}", subject=subject)


def _refused(why: str) -> Problem:
    return unauthorized(f"the token is refused: {why}; send a fresh ID token", challenge=_CHALLENGE)
