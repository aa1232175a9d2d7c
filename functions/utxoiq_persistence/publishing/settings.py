"""Where and how often figures are published, from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass

from utxoiq_persistence.config import number, required


@dataclass(frozen=True)
class PublishSettings:
    """namespace and location: of what is published, as Cloud Monitoring calls them. seconds: in which it is done once.

    endpoint: host and port of Cloud Monitoring, where that is not Google's.
    """

    project: str
    namespace: str
    location: str
    seconds: float = 60.0
    endpoint: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "PublishSettings":
        """Raises ConfigurationError, which names the variable and what it should hold."""
        return cls(
            project=required(environment, "GOOGLE_CLOUD_PROJECT"),
            namespace=required(environment, "MONITORING_NAMESPACE"),
            location=required(environment, "MONITORING_LOCATION"),
            seconds=number(environment, "PUBLISH_SECONDS", f"{cls.seconds:g}", float, 0.1),
            endpoint=environment.get("CLOUD_MONITORING_ENDPOINT") or None,
        )
