"""Whether requests are traced, and where the traces go, from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass

from utxoiq_persistence.config import required
from utxoiq_persistence.errors import ConfigurationError


@dataclass(frozen=True)
class TraceSettings:
    """sampling: part of the requests, 0 to 1. function, revision: the platform's names.

    endpoint: takes OTLP over HTTP in place of Google's, and asks for no token.
    """

    sampling: float
    project: str
    function: str
    revision: str
    region: str
    endpoint: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "TraceSettings":
        """Raises ConfigurationError, which names the variable and what it should hold."""
        return cls(
            sampling=_sampling(environment.get("TRACE_SAMPLING") or "0"),
            project=required(environment, "GOOGLE_CLOUD_PROJECT"),
            function=environment.get("K_SERVICE", "local"),
            revision=environment.get("K_REVISION", ""),
            region=environment.get("MONITORING_LOCATION", ""),
            endpoint=_endpoint(environment.get("TRACES_ENDPOINT") or None),
        )


def _sampling(text: str) -> float:
    try:
        value = float(text)
        if 0 <= value <= 1:
            return value
    except ValueError:
        pass
    raise ConfigurationError(f"TRACE_SAMPLING is {text!r}; it takes a number from 0 to 1")


def _endpoint(url: str | None) -> str | None:
    if url is not None and not url.startswith(("https://", "http://")):
        raise ConfigurationError(f"TRACES_ENDPOINT is {url!r}; it takes a URL such as http://127.0.0.1:4318/v1/traces")
    return url
