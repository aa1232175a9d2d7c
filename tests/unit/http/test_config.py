import json
import logging

import pytest

from utxoiq_http.config import IdentitySettings
from utxoiq_http.endpoints.feedback import create_feedback_app
from utxoiq_http.endpoints.migrate import create_migrate_app
from utxoiq_persistence.errors import ConfigurationError

SECRET = "a-secret-digest"
DECLARED = {"id": "abcdefghijkl", "digest": "0" * 64, "name": "admin", "scopes": ["admin"]}
ENVIRONMENT = {
    "GOOGLE_CLOUD_PROJECT": "project",
    "FUNCTION_AUDIENCE": "https://host/function",
    "DB_INSTANCE": "project:region:instance",
    "DB_NAME": "utxoiq",
    "DB_USER": "feedback@project.iam",
    "DB_ROLE_MEMBERS": "{}",
    "DEPLOYMENT_KEYS": json.dumps([DECLARED]),
    "REDIS_HOST": "127.0.0.1",
    "CACHE_KEY": "of this test and of no other function",
    "COMMON_KEY": "of all functions here, and of nothing else",
    "ARCHIVE_BUCKET": "project-archive",
}


def test_a_user_is_firebases_unless_told_otherwise() -> None:
    settings = IdentitySettings.from_environment(ENVIRONMENT)
    assert settings.user_issuer == "https://securetoken.google.com/project"
    assert settings.user_audience == "project"


@pytest.mark.parametrize("name", [name for name in ENVIRONMENT if name not in ("DB_ROLE_MEMBERS", "DEPLOYMENT_KEYS")])
def test_a_function_does_not_start_without_a_variable_and_names_it(name: str) -> None:
    environment = {**ENVIRONMENT}
    del environment[name]
    with pytest.raises(ConfigurationError, match=name):
        create_feedback_app(environment)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OIDC_USER_JWKS_URL", "ftp://keys"),
        ("OIDC_GOOGLE_JWKS_URL", "keys"),
        ("RATE_LIMIT_ANONYMOUS", "0"),
        ("TRUSTED_PROXIES", "-1"),
        ("CORS_ORIGINS", "*"),
        ("OIDC_USER_ISSUER", "https://accounts.google.com"),
        ("OIDC_USER_ISSUER", "accounts.google.com"),
        ("OIDC_USER_ISSUER", "https://Accounts.Google.com/"),
        ("CACHE_KEY", "short"),
        ("COMMON_KEY", "short"),
        ("CORS_ORIGINS", "https://app.example.org/"),
        ("LOG_LEVEL", "LOUD"),
        ("DB_POOL_SIZE", "none"),
    ],
)
def test_a_value_that_is_no_use_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        create_feedback_app({**ENVIRONMENT, name: value})


@pytest.mark.parametrize(
    "value", ["{}", "not json", json.dumps([{**DECLARED, "digest": SECRET}]), json.dumps([{**DECLARED, "scopes": []}])]
)
def test_a_deployments_keys_are_checked_and_not_repeated(value: str) -> None:
    with pytest.raises(ConfigurationError, match="DEPLOYMENT_KEYS") as raised:
        create_migrate_app({**ENVIRONMENT, "DEPLOYMENT_KEYS": value})
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("name", ["GOOGLE_CLOUD_PROJECT", "DB_USER", "DB_ROLE_MEMBERS", "DEPLOYMENT_KEYS"])
def test_migrate_needs_the_database_and_its_members_alone(name: str) -> None:
    environment = {
        key: value
        for key, value in ENVIRONMENT.items()
        if key.startswith(("DB_", "GOOGLE_CLOUD_PROJECT", "DEPLOYMENT_KEYS"))
    }
    create_migrate_app(environment)
    with pytest.raises(ConfigurationError, match=name):
        create_migrate_app({key: value for key, value in environment.items() if key != name})


@pytest.mark.parametrize("value", ["[]", '{"group": 1}', "{"])
def test_members_are_a_mapping(value: str) -> None:
    with pytest.raises(ConfigurationError, match="DB_ROLE_MEMBERS"):
        create_migrate_app({**ENVIRONMENT, "DB_ROLE_MEMBERS": value})


@pytest.fixture(autouse=True)
def _own_logging(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever makes an app takes over the logging of the process, which is pytest's here."""
    monkeypatch.setattr(logging, "basicConfig", lambda **_: None)
