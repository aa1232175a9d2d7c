"""The settings of backups and their verification, from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from utxoiq_persistence.config import DatabaseSettings, database_settings, required
from utxoiq_persistence.errors import ConfigurationError

# A check reads whole tables.
CHECK_TIMEOUT_MS = 1_200_000


def admin_endpoint(environment: Mapping[str, str]) -> str | None:
    """Return the Admin API's URL, None for Google's. Raises ConfigurationError."""
    endpoint = environment.get("CLOUD_SQL_ADMIN_ENDPOINT") or None
    if endpoint is not None and not endpoint.startswith(("https://", "http://127.0.0.1:")):
        raise ConfigurationError(f"CLOUD_SQL_ADMIN_ENDPOINT is {endpoint!r}; it takes an https URL")
    return endpoint


@dataclass(frozen=True)
class BackupSettings:
    """The settings of backups and their verification.

    Attributes:
        database: The database that is backed up.
        endpoint: The Admin API's URL, None for Google's.
        tier: The machine type of the temporary instance.
        export_bucket: The bucket of exports, in which the instance's own account may create objects.
        storage: The storage server's URL, None for Google's.
    """

    database: DatabaseSettings
    export_bucket: str
    endpoint: str | None = None
    tier: str = "db-custom-1-3840"
    storage: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "BackupSettings":
        """Return the settings. Raises ConfigurationError, which names the variable and what it should hold."""
        database = replace(database_settings(environment), statement_timeout_ms=CHECK_TIMEOUT_MS)
        return cls(
            database=database,
            endpoint=admin_endpoint(environment),
            tier=environment.get("BACKUP_VERIFICATION_TIER") or cls.tier,
            export_bucket=required(environment, "EXPORT_BUCKET"),
            storage=environment.get("STORAGE_EMULATOR_HOST") or None,
        )

    @property
    def project(self) -> str:
        """Return the project of the instance."""
        return self.database.instance.rsplit(":", 2)[0]

    @property
    def region(self) -> str:
        """Return the region of the instance."""
        return self.database.instance.rsplit(":", 2)[1]

    @property
    def instance(self) -> str:
        """Return the name of the instance."""
        return self.database.instance.rsplit(":", 2)[2]

    def database_on(self, instance: str) -> DatabaseSettings:
        """Return the settings of the same database on another instance of the same region."""
        return self.database.at(f"{self.project}:{self.region}:{instance}")
