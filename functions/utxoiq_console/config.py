"""Settings of the console, read from the environment and validated at start-up."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from utxoiq_console import resources
from utxoiq_console.resources import Resources
from utxoiq_persistence.config import required


@dataclass(frozen=True)
class Settings:
    """Says where the console finds what it shows.

    Attributes:
        project: The Google Cloud project.
        location: The region of the stack.
        prefix: The prefix of the names of the stack's resources.
        resources: The stack's resources.
        log_view: The name of the view in Cloud Logging that has the stack's log lines.
        runbooks: The URL of the folder with a runbook for each alert; empty if there is none.
        own: The name of the console's own function.
        key: An API key with read scopes.
        google: The URL of a local stand-in for Google's APIs; None for Google itself.
        processes: The URL where a local deployer lists its processes; None in the cloud.
        credentials: The file where a local deployer keeps credentials to try the system with; None in the cloud.
    """

    project: str
    location: str
    prefix: str
    resources: Resources
    log_view: str
    runbooks: str
    own: str
    key: str
    google: str | None
    processes: str | None
    credentials: Path | None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Return the settings. Raises ConfigurationError, which names the wrong variable."""
        return cls(
            project=required(environment, "GOOGLE_CLOUD_PROJECT"),
            location=required(environment, "MONITORING_LOCATION"),
            prefix=required(environment, "MONITORING_NAMESPACE"),
            resources=resources.read(required(environment, "RESOURCES")),
            log_view=required(environment, "LOG_VIEW"),
            runbooks=environment.get("RUNBOOKS", "").rstrip("/"),
            own=environment.get("K_SERVICE", ""),
            key=required(environment, "CONSOLE_KEY"),
            google=environment.get("GOOGLE_APIS_ENDPOINT") or None,
            processes=environment.get("PROCESSES_URL") or None,
            credentials=Path(environment["LOCAL_CREDENTIALS"]) if environment.get("LOCAL_CREDENTIALS") else None,
        )

    @property
    def base_url(self) -> str:
        """Return the URL where callers find all functions: the local stack's, the load balancer's, or empty."""
        if self.processes:
            return self.processes.partition("/_local/")[0]
        return next((one.url for one in self.resources.with_kind("entry") if one.url), "")

    def short(self, name: str) -> str:
        """Return a resource's name without the stack's prefix."""
        return name.removeprefix(f"{self.prefix}-")
