"""Settings of identity and rate limits, read from the environment and validated at start-up."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from utxoiq_persistence.config import number, required
from utxoiq_persistence.errors import ConfigurationError

USER_JWKS_URL = "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com"
GOOGLE_JWKS_URL = "https://www.googleapis.com/oauth2/v3/certs"


@dataclass(frozen=True)
class IdentitySettings:
    """Says how tokens are verified.

    `function_audience` and `operator_audience` are audiences of Google-signed tokens, `user_audience` that of users'
    tokens. `max_token_seconds` is the longest accepted time from a token's issue to its expiry: a token with a longer
    one is refused, however fresh it is. `sign_in_providers` are those of Firebase (`password`, `google.com`, …) that a
    user may have signed in by, empty for all; `user_tenant` is the tenant that users belong to, None for those of none.
    `checked_by_platform` says that the platform lets nobody call whose Google-signed token it has not verified, and
    takes the signature away.
    """

    user_issuer: str
    user_audience: str
    user_jwks_url: str
    google_jwks_url: str
    function_audience: str
    operator_audience: str
    operators: frozenset[str]
    scheduler: str | None
    max_token_seconds: int = 3600
    sign_in_providers: frozenset[str] = frozenset()
    user_tenant: str | None = None
    checked_by_platform: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "IdentitySettings":
        """Return the settings. Raises ConfigurationError, which names the wrong variable and its expected value."""
        project = required(environment, "GOOGLE_CLOUD_PROJECT")
        return cls(
            user_issuer=_user_issuer(environment, project),
            user_audience=environment.get("OIDC_USER_AUDIENCE") or project,
            user_jwks_url=_url(environment, "OIDC_USER_JWKS_URL", USER_JWKS_URL),
            google_jwks_url=_url(environment, "OIDC_GOOGLE_JWKS_URL", GOOGLE_JWKS_URL),
            function_audience=required(environment, "FUNCTION_AUDIENCE"),
            operator_audience=environment.get("OPERATOR_AUDIENCE") or f"https://{project}.utxoiq-persistence",
            operators=_names(environment, "OPERATORS"),
            scheduler=environment.get("SCHEDULER_ACCOUNT") or None,
            max_token_seconds=number(environment, "MAX_TOKEN_SECONDS", str(cls.max_token_seconds), int, 60),
            sign_in_providers=_names(environment, "OIDC_SIGN_IN_PROVIDERS"),
            user_tenant=environment.get("OIDC_USER_TENANT") or None,
            checked_by_platform=environment.get("CALLERS_CHECKED_BY_PLATFORM") == "true",
        )


@dataclass(frozen=True)
class GateSettings:
    """Holds rate limits, in requests per hour, and what is known of the network in front of the function.

    `address` is what all users of one address have together. `trusted_proxies` counts our own proxies between the
    client and Cloud Run's front end. `origins` are those of the web pages that may call from a browser.
    """

    signed_in: int = 1000
    anonymous: int = 100
    batches: int = 100
    address: int = 5000
    trusted_proxies: int = 0
    origins: frozenset[str] = frozenset()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "GateSettings":
        """Return the settings. Raises ConfigurationError, which names the wrong variable and its expected value."""
        return cls(
            signed_in=number(environment, "RATE_LIMIT_SIGNED_IN", str(cls.signed_in), int, 1),
            anonymous=number(environment, "RATE_LIMIT_ANONYMOUS", str(cls.anonymous), int, 1),
            batches=number(environment, "RATE_LIMIT_BATCHES", str(cls.batches), int, 1),
            address=number(environment, "RATE_LIMIT_ADDRESS", str(cls.address), int, 1),
            trusted_proxies=number(environment, "TRUSTED_PROXIES", str(cls.trusted_proxies), int, 0),
            origins=_origins(environment),
        )


def _origins(environment: Mapping[str, str]) -> frozenset[str]:
    origins = frozenset(origin.strip() for origin in environment.get("CORS_ORIGINS", "").split(",") if origin.strip())
    for origin in origins:
        url = urlsplit(origin)
        if url.scheme not in ("http", "https") or origin != f"{url.scheme}://{url.netloc}":
            raise ConfigurationError(f"CORS_ORIGINS has {origin!r}; it takes origins such as https://app.example.org")
    return origins


def _names(environment: Mapping[str, str], name: str) -> frozenset[str]:
    return frozenset(part.strip() for part in environment.get(name, "").split(",") if part.strip())


def _user_issuer(environment: Mapping[str, str], project: str) -> str:
    issuer = environment.get("OIDC_USER_ISSUER") or f"https://securetoken.google.com/{project}"
    if issuer.removeprefix("https://").rstrip("/").lower() == "accounts.google.com":
        raise ConfigurationError(
            f"OIDC_USER_ISSUER is {issuer!r}, Google's own issuer: every Google account, and every service account of "
            "whatever project, would be a user. It takes an issuer of your users, such as Firebase's"
        )
    return issuer


def _url(environment: Mapping[str, str], name: str, default: str) -> str:
    url = environment.get(name) or default
    if not url.startswith(("https://", "http://")):
        raise ConfigurationError(f"{name} is {url!r}; it takes an https URL")
    return url
