import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jwt
import pytest
from tests.unit.http.issuer import Issuer
from tests.unit.http.issuer_faults import FAULTS, IssuerFault, saying

from utxoiq_http import issuer_keys as keys
from utxoiq_http.access import NOBODY, Caller, Kind
from utxoiq_http.config import IdentitySettings
from utxoiq_http.identity import GOOGLE_ISSUER, Identities
from utxoiq_http.issuer_keys import IssuerKeys
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

    def recall(self, key: bytes) -> KeyHolder | None:
        return _holder("active") if key == b"active" else None

    async def check(self, key: bytes) -> KeyHolder | None:
        return _holder(key.decode()) if key in (b"active", b"expired", b"revoked") else None


def _holder(status: str) -> KeyHolder:
    return KeyHolder("abcdefghijkl", "pipeline", frozenset({"metrics:write"}), None, None, status)


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


SIGNED_IN = [
    ({}, {}, True),
    ({}, {"sign_in_provider": "anonymous"}, True),
    ({"sign_in_providers": frozenset({"password", "google.com"})}, {"sign_in_provider": "google.com"}, True),
    ({"sign_in_providers": frozenset({"password"})}, {"sign_in_provider": "anonymous"}, False),
    ({"sign_in_providers": frozenset({"password"})}, {}, False),
    ({}, {"sign_in_provider": "password", "tenant": "another"}, False),
    ({"user_tenant": "ours"}, {"tenant": "ours"}, True),
    ({"user_tenant": "ours"}, {"tenant": "another"}, False),
    ({"user_tenant": "ours"}, {}, False),
]


@pytest.mark.parametrize(("settings", "firebase", "accepted"), SIGNED_IN)
def test_how_users_sign_in_and_in_which_tenant_is_configured(
    identities: Identities, issuer: Issuer, settings: dict[str, Any], firebase: dict[str, str], accepted: bool
) -> None:
    configured = Identities(replace(identities._settings, **settings), Ring())
    headers = bearer(issuer.token(USERS, "project", "ann", firebase=firebase))
    if accepted:
        assert identify(configured, headers).subject == "ann"
    else:
        assert status_of(configured, headers) == 401


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


def test_who_is_recalled_is_who_was_identified(identities: Identities, issuer: Issuer) -> None:
    token = bearer(issuer.token(USERS, "project", "ann"))
    assert identities.recall(token) is None
    for known in (token, {b"x-api-key": b"active"}, {}):
        assert identify(identities, known) == identities.recall(known)


def test_nobody_is_recalled_whose_credentials_need_a_look(identities: Identities, issuer: Issuer) -> None:
    token = bearer(issuer.token(USERS, "project", "ann"))
    identify(identities, token)
    for headers in ({**token, b"x-api-key": b"active"}, {b"x-api-key": b"expired"}, bearer("a.b.c")):
        assert identities.recall(headers) is None


def test_two_kinds_of_credentials_at_once_are_400(identities: Identities, issuer: Issuer) -> None:
    headers = {**bearer(issuer.token(USERS, "project", "ann")), b"x-api-key": b"active"}
    assert status_of(identities, headers) == 400


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": "4102444800"},
        {"exp": [1]},
        {"exp": True},
        {"exp": {}},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"exp": -1},
        {"exp": 10**40},
        {"iat": "now"},
        {"iat": []},
        {"nbf": "then"},
        {"nbf": None, "iss": ["https://users.example.org"]},
        {"aud": 5},
        {"aud": ["project", 5]},
        {"aud": {"project": 1}},
        {"sub": 5},
        {"sub": ["ann"]},
        {"email": 5},
        {"email_verified": "true"},
    ],
    ids=str,
)
def test_a_claim_of_a_wrong_type_is_401(identities: Identities, issuer: Issuer, claims: dict[str, object]) -> None:
    headers = unchecked(issuer, {"iss": USERS, "aud": "project", "sub": "ann", **claims})
    assert status_of(identities, headers) == 401


def unchecked(issuer: Issuer, claims: dict[str, object]) -> dict[bytes, bytes]:
    """A well-signed token, of whatever claims: PyJWT itself would not make it."""
    now = int(time.time())
    payload = json.dumps({"iat": now, "exp": now + 600, **claims}).encode()
    return bearer(issuer.signed(payload))


def test_a_token_of_deep_json_is_401(identities: Identities, issuer: Issuer) -> None:
    headers = bearer(issuer.signed(b"[" * 5000 + b"]" * 5000)[:8000])
    assert status_of(identities, headers) == 401
    deep = b'{"iss":' + b"[" * 2500 + b"]" * 2500 + b"}"
    assert status_of(identities, bearer(issuer.signed(deep))) == 401


def test_a_token_that_is_made_for_too_long_is_401_however_fresh(identities: Identities, issuer: Issuer) -> None:
    now = int(time.time())
    assert identify(identities, bearer(issuer.token(USERS, "project", "ann", exp=now + 3600, iat=now))).subject == "ann"
    ten_years = issuer.token(USERS, "project", "ann", exp=now + 10 * 365 * 86400, iat=now)
    with pytest.raises(Problem, match="longer than 3600 s"):
        identify(identities, bearer(ten_years))


def test_a_verdict_ends_with_its_key(identities: Identities, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "PATIENCE_SECONDS", 0)
    token = bearer(issuer.token(USERS, "project", "ann"))
    assert identify(identities, token).subject == "ann"
    issuer.rotate("key-2")
    assert identify(identities, bearer(issuer.token(USERS, "project", "bob"))).subject == "bob"  # has the keys fetched
    assert not identities.knows(token)
    assert identities.recall(token) is None
    assert status_of(identities, token) == 401


def test_a_verdict_ends_after_minutes(identities: Identities, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    token = bearer(issuer.token(USERS, "project", "ann"))
    first = identify(identities, token)
    assert identify(identities, token) is first
    now = time.monotonic()
    monkeypatch.setattr("utxoiq_http.identity.time.monotonic", lambda: now + 301)
    assert identify(identities, token) is not first


def test_a_clock_that_is_set_back_prolongs_no_verdict(
    identities: Identities, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, wall = time.monotonic(), time.time()
    long = bearer(issuer.token(USERS, "project", "ann"))
    short = bearer(issuer.token(USERS, "project", "bob", exp=int(wall) + 20))
    for token in (long, short):
        identify(identities, token)
    monkeypatch.setattr(time, "time", lambda: wall - 3600)
    for seconds, known in ((19, (True, True)), (31, (True, False)), (301, (False, False))):
        monkeypatch.setattr(time, "monotonic", lambda seconds=seconds: now + seconds)
        assert (identities.knows(long), identities.knows(short)) == known


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_an_issuer_does_without_its_keys_a_token_is_503(
    identities: Identities, issuer: Issuer, fault: IssuerFault
) -> None:
    issuer.fault = fault
    token = bearer(issuer.token(USERS, "project", "ann"))
    for _ in range(3):
        with pytest.raises(Problem) as raised:
            identify(identities, token)
        assert raised.value.status == 503
        assert 1 <= int(dict(raised.value.headers)[b"retry-after"]) <= keys.LONGEST_PATIENCE_SECONDS
    assert issuer.fetches == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_an_issuer_does_keys_that_were_fetched_serve_on(
    identities: Identities,
    issuer: Issuer,
    monkeypatch: pytest.MonkeyPatch,
    fault: IssuerFault,
) -> None:
    monkeypatch.setattr(keys, "PATIENCE_SECONDS", 0)
    assert identify(identities, bearer(issuer.token(USERS, "project", "ann"))).subject == "ann"
    monkeypatch.setattr(keys, "LIFETIME_SECONDS", 0)
    issuer.fault = fault
    for user in ("bob", "cid"):
        assert identify(identities, bearer(issuer.token(USERS, "project", user))).subject == user
    assert issuer.fetches > 1


def test_fetches_that_fail_come_ever_more_seldom(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    monkeypatch.setattr("utxoiq_http.issuer_keys.time.monotonic", lambda: now)
    issuer.available = False
    found = IssuerKeys(issuer.url)

    async def ask() -> None:
        with pytest.raises(Problem):
            await found.find("key-1")

    waits = []
    for _ in range(6):
        asyncio.run(ask())
        waits.append(found._next - now)
        now = found._next
    assert waits == pytest.approx([5, 10, 20, 40, 60, 60])
    assert issuer.fetches == 6


def test_many_who_come_at_once_share_a_fetch(identities: Identities, issuer: Issuer) -> None:
    tokens = [issuer.token(USERS, "project", f"user-{number}") for number in range(20)]

    async def all_of_them() -> list[Caller]:
        return await asyncio.gather(*(identities.identify(bearer(token)) for token in tokens))

    assert len(asyncio.run(all_of_them())) == 20
    assert issuer.fetches == 1


def test_keys_of_an_odd_id_or_kind_are_left_out(identities: Identities, issuer: Issuer) -> None:
    (key,) = json.loads(issuer.key_set())["keys"]
    odd = [5, None, {"kid": ["key-1"], "kty": "RSA"}, {**key, "kid": "x", "n": 5}, {"kid": "ec", "kty": "EC"}, key]
    issuer.fault = saying(json.dumps({"keys": odd}).encode())
    assert identify(identities, bearer(issuer.token(USERS, "project", "ann"))).subject == "ann"


@pytest.fixture
def guarded(identities: Identities) -> Identities:
    """Of a function that the platform lets only some accounts call."""
    return Identities(replace(identities._settings, checked_by_platform=True), Ring())


def as_cloud_run_passes_it_on(token: str) -> dict[bytes, bytes]:
    return bearer(f"{token.rpartition('.')[0]}.SIGNATURE_REMOVED_BY_GOOGLE")


def test_behind_the_platforms_check_a_token_without_its_signature_is_believed(
    guarded: Identities, issuer: Issuer
) -> None:
    """For whatever audience: gcloud signs a person's for its own, which Cloud Run accepts."""
    operator = as_cloud_run_passes_it_on(
        google_token(issuer, "root@example.org", "32555940559.apps.googleusercontent.com")
    )
    assert guarded.knows(operator)
    assert identify(guarded, operator).kind is Kind.OPERATOR
    scheduler = as_cloud_run_passes_it_on(google_token(issuer, CRON, FUNCTION))
    assert identify(guarded, scheduler).kind is Kind.SCHEDULER
    elsewhere = as_cloud_run_passes_it_on(google_token(issuer, CRON, "https://elsewhere.example.org"))
    assert identify(guarded, elsewhere).kind is Kind.STRANGER


@pytest.mark.parametrize(
    "claims",
    [{"exp": int(time.time()) - 60}, {"iss": "https://securetoken.google.com/project"}, {"email_verified": False}],
)
def test_nor_is_everything_believed_there(guarded: Identities, issuer: Issuer, claims: dict[str, object]) -> None:
    issued_by = str(claims.get("iss", GOOGLE_ISSUER))
    others = {"email": "root@example.org", "email_verified": True, **claims}
    others.pop("iss", None)
    assert status_of(guarded, as_cloud_run_passes_it_on(issuer.token(issued_by, FUNCTION, "1", **others))) == 401


def test_without_the_platforms_check_a_missing_signature_is_a_forgery(identities: Identities, issuer: Issuer) -> None:
    token = google_token(issuer, "root@example.org", OPERATORS)
    assert status_of(identities, as_cloud_run_passes_it_on(token)) == 401
