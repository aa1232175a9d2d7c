"""Reads from the environment whether requests are traced, and where the traces are sent."""

from collections.abc import Mapping
from dataclasses import dataclass

from utxoiq_persistence.config import required
from utxoiq_persistence.errors import ConfigurationError


@dataclass(frozen=True)
class TraceSettings:
    """Holds the settings of traces.

    Attributes:
        sampling: The share of requests that are traced, from 0 to 1.
        project: The Google Cloud project.
        function: The function's name, as the platform gives it.
        revision: The revision's name, as the platform gives it.
        region: The region.
        endpoint: A URL that accepts OTLP over HTTP without a token, in place of Google's.
    """

    sampling: float
    project: str
    function: str
    revision: str
    region: str
    endpoint: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "TraceSettings":
        """Return the settings.

        Raises:
            ConfigurationError: A variable is wrong; the text names it and what it should hold.
        """
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
