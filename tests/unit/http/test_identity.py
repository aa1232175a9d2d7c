import asyncio
import time
from collections.abc import Callable

import jwt
import pytest
from tests.unit.http.issuer import Issuer

from utxoiq_http import issuer_keys as keys
from utxoiq_http.access import NOBODY, Caller, Kind
from utxoiq_http.config import IdentitySettings
from utxoiq_http.identity import GOOGLE_ISSUER, Identities
from utxoiq_http.problems import Problem
from utxoiq_persistence.access.key_ring import KeyHolder

USERS = "https://users.example.org"
FUNCTION = "https://region-project.cloudfunctions.net/function"
OPERATORS = "https://operators.example.org"
CRON = "cron@example.org"
SERVICE = Caller(Kind.SERVICE, "service:pipeline", scopes=frozenset({"metrics:write"}), key_id="abcdefghijkl")


class Ring:
    """Keys that are known by their status."""

    def knows(self, key: bytes) -> bool:
        return key == b"active"

    async def check(self, key: bytes) -> KeyHolder | None:
        if key not in (b"active", b"expired", b"revoked"):
            return None
        return KeyHolder("abcdefghijkl", "pipeline", frozenset({"metrics:write"}), None, None, key.decode())


@pytest.fixture
def identities(issuer: Issuer) -> Identities:
    return Identities(
        IdentitySettings(
            user_issuer=USERS,
            user_audience="project",
            user_jwks_url=issuer.url,
            google_jwks_url=issuer.url,
            function_audience=FUNCTION,
            operator_audience=OPERATORS,
            operators=frozenset({"root@example.org"}),
            scheduler=CRON,
        ),
        Ring(),
    )


def bearer(token: str) -> dict[bytes, bytes]:
    return {b"authorization": f"Bearer {token}".encode()}


def identify(identities: Identities, headers: dict[bytes, bytes]) -> Caller:
    return asyncio.run(identities.identify(headers))


def status_of(identities: Identities, headers: dict[bytes, bytes]) -> int:
    with pytest.raises(Problem) as raised:
        identify(identities, headers)
    if raised.value.status == 401:
        assert dict(raised.value.headers)[b"www-authenticate"].startswith(b"Bearer")
    return raised.value.status


def google_token(issuer: Issuer, email: str, audience: str, **claims: object) -> str:
    return issuer.token(GOOGLE_ISSUER, audience, "1234", **{"email": email, "email_verified": True, **claims})


def test_without_credentials_a_caller_is_nobody(identities: Identities) -> None:
    assert identify(identities, {}) is NOBODY


def test_a_users_token_names_the_user(identities: Identities, issuer: Issuer) -> None:
    caller = identify(identities, bearer(issuer.token(USERS, "project", "ann")))
    assert (caller.kind, caller.subject) == (Kind.USER, "ann")


def test_the_scheme_is_read_in_any_case(identities: Identities, issuer: Issuer) -> None:
    token = issuer.token(USERS, "project", "ann")
    assert identify(identities, {b"authorization": f"bearer  {token}".encode()}).subject == "ann"


def test_a_token_is_verified_once_while_it_is_good(identities: Identities, issuer: Issuer) -> None:
    headers = bearer(issuer.token(USERS, "project", "ann"))
    first = identify(identities, headers)
    issuer.available = False
    assert identify(identities, headers) is first


@pytest.mark.parametrize(
    "make",
    [
        lambda issuer: issuer.token(USERS, "project", "ann", exp=int(time.time()) - 60),
        lambda issuer: issuer.token(USERS, "project", "ann", iat=int(time.time()) + 600),
        lambda issuer: issuer.token(USERS, "project", "ann", nbf=int(time.time()) + 600),
        lambda issuer: issuer.token(USERS, "project", "ann", exp=None),
        lambda issuer: issuer.token(USERS, "project", "ann", sub=None),
        lambda issuer: issuer.token(USERS, "project", ""),
        lambda issuer: issuer.token(USERS, "project", "a" * 101),
        lambda issuer: issuer.token(USERS, "project", "a\0b"),
        lambda issuer: issuer.token(USERS, "other-project", "ann"),
        lambda issuer: issuer.token("https://elsewhere.example.org", "project", "ann"),
        lambda issuer: issuer.token(USERS, "project", "ann")[:-8] + "AAAAAAAA",
        lambda issuer: jwt.encode({"iss": USERS, "aud": "project", "sub": "ann"}, "", algorithm="none"),
        lambda issuer: jwt.encode(
            {"iss": USERS, "aud": "project", "sub": "ann"}, "k" * 32, algorithm="HS256", headers={"kid": "key-1"}
        ),
        lambda issuer: "not.a.token",
        lambda issuer: "x" * 9000,
        lambda issuer: "",
    ],
)
def test_a_token_that_does_not_hold_is_401(
    identities: Identities, issuer: Issuer, make: Callable[[Issuer], str]
) -> None:
    assert status_of(identities, bearer(make(issuer))) == 401


def test_another_scheme_is_401(identities: Identities) -> None:
    assert status_of(identities, {b"authorization": b"Basic YTpi"}) == 401


def test_a_key_that_the_issuer_has_withdrawn_no_longer_signs(identities: Identities, issuer: Issuer) -> None:
    old = issuer.token(USERS, "project", "ann")
    issuer.rotate("key-2")
    assert status_of(identities, bearer(old)) == 401


def test_a_new_key_of_the_issuer_is_fetched(
    identities: Identities, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "PATIENCE_SECONDS", 0)
    identify(identities, bearer(issuer.token(USERS, "project", "ann")))
    issuer.rotate("key-2")
    assert identify(identities, bearer(issuer.token(USERS, "project", "bob"))).subject == "bob"


def test_tokens_of_unknown_keys_do_not_make_us_fetch_each_time(identities: Identities, issuer: Issuer) -> None:
    issuer.rotate("key-2")
    tokens = [issuer.token(USERS, "project", f"user-{number}") for number in range(5)]
    issuer.rotate("key-3")
    assert [status_of(identities, bearer(token)) for token in tokens] == [401] * 5
    assert issuer.fetches == 1


def test_without_the_issuers_keys_a_token_is_503(identities: Identities, issuer: Issuer) -> None:
    issuer.available = False
    assert status_of(identities, bearer(issuer.token(USERS, "project", "ann"))) == 503


def test_an_operator_is_known_by_email(identities: Identities, issuer: Issuer) -> None:
    assert identify(identities, bearer(google_token(issuer, "root@example.org", OPERATORS))).kind is Kind.OPERATOR


def test_an_email_that_is_not_verified_is_401(identities: Identities, issuer: Issuer) -> None:
    token = google_token(issuer, "root@example.org", OPERATORS, email_verified=False)
    assert status_of(identities, bearer(token)) == 401


def test_the_schedulers_token_is_for_one_function(identities: Identities, issuer: Issuer) -> None:
    assert identify(identities, bearer(google_token(issuer, CRON, FUNCTION))).kind is Kind.SCHEDULER
    assert identify(identities, bearer(google_token(issuer, CRON, OPERATORS))).kind is Kind.STRANGER
    assert status_of(identities, bearer(google_token(issuer, CRON, FUNCTION + "2"))) == 401


def test_any_other_google_account_is_a_stranger(identities: Identities, issuer: Issuer) -> None:
    assert identify(identities, bearer(google_token(issuer, "who@example.org", FUNCTION))).kind is Kind.STRANGER


def test_a_service_is_known_by_its_key(identities: Identities) -> None:
    assert identify(identities, {b"x-api-key": b"active"}) == SERVICE


@pytest.mark.parametrize("status", ["expired", "revoked"])
def test_a_key_that_is_no_longer_good_says_why(identities: Identities, status: str) -> None:
    with pytest.raises(Problem, match=status) as raised:
        identify(identities, {b"x-api-key": status.encode()})
    assert raised.value.status == 401


def test_only_who_was_seen_before_is_known(identities: Identities, issuer: Issuer) -> None:
    token = bearer(issuer.token(USERS, "project", "ann"))
    assert [identities.knows(headers) for headers in ({}, {b"x-api-key": b"active"}, {b"x-api-key": b"x"}, token)] == [
        True,
        True,
        False,
        False,
    ]
    identify(identities, token)
    assert identities.knows(token)


@pytest.mark.parametrize("key", [b"another-key", b"", b"\xff"])
def test_a_key_that_nobody_has_is_401(identities: Identities, key: bytes) -> None:
    assert status_of(identities, {b"x-api-key": key}) == 401


def test_two_kinds_of_credentials_at_once_are_400(identities: Identities, issuer: Issuer) -> None:
    headers = {**bearer(issuer.token(USERS, "project", "ann")), b"x-api-key": b"active"}
    assert status_of(identities, headers) == 400
