"""Who may call a private function, as Cloud Run decides it."""

from pathlib import Path

import pytest

from local_cloud.google.iam import Bindings
from local_cloud.google.issuer import Issuer, Issuers
from local_cloud.serving.invoker import check_invoker
from local_cloud.serving.platform_error import PlatformError
from local_cloud.state import State

AUDIENCE = "https://us-central1-shop.cloudfunctions.net/shop-migrate"
DEPLOYER = "deployer@shop.iam.gserviceaccount.com"


@pytest.fixture
def issuers(tmp_path: Path) -> Issuers:
    return Issuers(State(tmp_path), "http://127.0.0.1:8080")


@pytest.fixture
def bindings() -> Bindings:
    bindings = Bindings()
    bindings.add("function/shop-migrate", "roles/run.invoker", f"serviceAccount:{DEPLOYER}")
    return bindings


def test_a_role_is_its_members_and_its_services(bindings: Bindings) -> None:
    bindings.add("bucket/shop-archive", "roles/storage.objectUser", "serviceAccount:archiver")
    assert bindings.has_role("serviceAccount:archiver", "storage")
    assert not bindings.has_role("serviceAccount:archiver", "run")
    assert not bindings.has_role(f"serviceAccount:{DEPLOYER}", "storage")


def test_a_role_on_a_bucket_is_about_that_bucket(bindings: Bindings) -> None:
    bindings.add("bucket/shop-backups", "roles/storage.objectCreator", "serviceAccount:sql")
    for bucket, permitted in (("shop-backups", True), ("shop-backups-2", False), ("shop-archive", False)):
        path = f"projects/_/buckets/{bucket}/objects/1"
        assert bindings.permits("serviceAccount:sql", "storage.objects.create", "", path) is permitted
    path = "projects/_/buckets/shop-backups/objects/1"
    assert not bindings.permits("serviceAccount:sql", "storage.objects.delete", "", path)
    assert not bindings.permits("serviceAccount:other", "storage.objects.create", "", path)


def call(bindings: Bindings, google: Issuer, token: str | None) -> int:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        check_invoker(headers, bindings.invokers("shop-migrate"), frozenset({AUDIENCE}), google)
    except PlatformError as problem:
        return problem.status
    return 200


def test_the_bound_account_may_call(issuers: Issuers, bindings: Bindings) -> None:
    assert call(bindings, issuers.google, issuers.account_token(DEPLOYER, AUDIENCE, 60)) == 200


def test_nobody_else_may(issuers: Issuers, bindings: Bindings) -> None:
    google = issuers.google
    stranger = issuers.account_token("other@shop.iam.gserviceaccount.com", AUDIENCE, 60)
    assert call(bindings, google, None) == 401
    assert call(bindings, google, "no.token.this") == 401
    assert call(bindings, google, issuers.account_token(DEPLOYER, AUDIENCE, -60)) == 401
    assert call(bindings, google, issuers.users.token(DEPLOYER, AUDIENCE, 60, email=DEPLOYER)) == 401
    assert call(bindings, google, stranger) == 403
    assert call(bindings, google, issuers.account_token(DEPLOYER, "https://elsewhere", 60)) == 403


def test_another_role_opens_nothing(issuers: Issuers) -> None:
    bindings = Bindings()
    bindings.add("function/shop-migrate", "roles/run.developer", f"serviceAccount:{DEPLOYER}")
    assert call(bindings, issuers.google, issuers.account_token(DEPLOYER, AUDIENCE, 60)) == 403


def test_all_users_needs_no_token(issuers: Issuers, bindings: Bindings) -> None:
    bindings.add("function/shop-migrate", "roles/run.invoker", "allUsers")
    assert call(bindings, issuers.google, None) == 200


def test_keys_are_kept_and_are_the_owners_alone(tmp_path: Path, issuers: Issuers) -> None:
    token = issuers.account_token(DEPLOYER, AUDIENCE, 60)
    again = Issuers(State(tmp_path), "http://127.0.0.1:8080")
    assert again.google.verify_token(token)["email"] == DEPLOYER
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "keys").iterdir()} == {0o600}
