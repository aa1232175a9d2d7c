"""The settings of publishing, from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass

from utxoiq_persistence.config import number, required


@dataclass(frozen=True)
class PublishSettings:
    """The settings of publishing.

    Attributes:
        project: The Google Cloud project.
        namespace: The namespace of the published series, as Cloud Monitoring calls it.
        location: The location of the published series.
        seconds: The length of a window, in which everything is published once.
        endpoint: Host and port of Cloud Monitoring, None for Google's.
    """

    project: str
    namespace: str
    location: str
    seconds: float = 60.0
    endpoint: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "PublishSettings":
        """Return the settings. Raises ConfigurationError, which names the variable and what it should hold."""
        return cls(
            project=required(environment, "GOOGLE_CLOUD_PROJECT"),
            namespace=required(environment, "MONITORING_NAMESPACE"),
            location=required(environment, "MONITORING_LOCATION"),
            seconds=number(environment, "PUBLISH_SECONDS", f"{cls.seconds:g}", float, 0.1),
            endpoint=environment.get("CLOUD_MONITORING_ENDPOINT") or None,
        )
