"""Where the console finds what it shows, from the environment, checked whole at the start."""

from collections.abc import Mapping
from dataclasses import dataclass

from utxoiq_console import resources
from utxoiq_console.resources import Resources
from utxoiq_persistence.config import required


@dataclass(frozen=True)
class Settings:
    """prefix: of the names of all that is the stack's. runbooks: where there is a file an alert; empty for nowhere.

    own: the console's own name. key: an API key that may read. google: of Google's APIs, where it is not Google.
    processes: where a local deployer tells which process serves what.
    """

    project: str
    location: str
    prefix: str
    resources: Resources
    runbooks: str
    own: str
    key: str
    google: str | None
    processes: str | None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Raises ConfigurationError, which names the variable."""
        return cls(
            project=required(environment, "GOOGLE_CLOUD_PROJECT"),
            location=required(environment, "MONITORING_LOCATION"),
            prefix=required(environment, "MONITORING_NAMESPACE"),
            resources=resources.read(required(environment, "RESOURCES")),
            runbooks=environment.get("RUNBOOKS", "").rstrip("/"),
            own=environment.get("K_SERVICE", ""),
            key=required(environment, "CONSOLE_KEY"),
            google=environment.get("GOOGLE_APIS_ENDPOINT") or None,
            processes=environment.get("PROCESSES_URL") or None,
        )

    def short(self, name: str) -> str:
        """A resource's name without what all names begin with."""
        return name.removeprefix(f"{self.prefix}-")
