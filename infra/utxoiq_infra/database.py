"""Cloud SQL for PostgreSQL: the instance, its database, one user per function, and an optional replica."""

from collections.abc import Sequence

import pulumi
from pulumi_gcp import sql

from utxoiq_infra.component import Component
from utxoiq_infra.configuration.settings import Configuration
from utxoiq_infra.encryption import Encryption
from utxoiq_infra.identity import Account, database_user
from utxoiq_infra.network import Network

OWNER_ROLE = "cloudsqlsuperuser"
BACKUP_TIME = "01:00"
SUNDAY = 7
SLOW_STATEMENT_MS = 200


class Database(Component):
    """The Cloud SQL instance with its database and, if configured, its replica."""

    def __init__(
        self,
        name: str,
        configuration: Configuration,
        network: Network,
        encryption: Encryption,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Database", name, opts)
        self._configuration = configuration
        self._network = network
        settings = configuration.database
        protected = configuration.deletion_protection
        self.instance = sql.DatabaseInstance(
            name,
            name=name,
            project=configuration.project,
            region=configuration.region,
            database_version=settings.version,
            encryption_key_name=encryption.key,
            deletion_protection=protected,
            settings=self._settings(primary=True),
            opts=self._instance_options(encryption.grants),
        )
        self.database = sql.Database(
            name,
            name=settings.name,
            project=configuration.project,
            instance=self.instance.name,
            opts=self.own(protect=protected),
        )
        self.connection_name = self.instance.connection_name
        self.replica = self._replica(name) if settings.replica_region else None
        self.register_outputs({"connectionName": self.connection_name})

    def user(self, account: Account, roles: tuple[str, ...] = ()) -> sql.User:
        """Create and return the PostgreSQL role by which a service account logs in without a password."""
        return sql.User(
            account.pulumi_resource_name,
            name=database_user(account),
            project=self._configuration.project,
            instance=self.instance.name,
            type="CLOUD_IAM_SERVICE_ACCOUNT",
            database_roles=list(roles) or None,
            # PostgreSQL drops no role that was granted something; they go with the instance.
            deletion_policy="ABANDON",
            opts=self.own(),
        )

    def _replica(self, name: str) -> sql.DatabaseInstance:
        """For reading, in another region if that is configured; it can be promoted when the primary's is lost."""
        configuration = self._configuration
        return sql.DatabaseInstance(
            f"{name}-replica",
            name=f"{name}-replica",
            project=configuration.project,
            region=configuration.database.replica_region,
            database_version=configuration.database.version,
            master_instance_name=self.instance.name,
            deletion_protection=configuration.deletion_protection,
            settings=self._settings(primary=False),
            opts=self._instance_options([self.database]),
        )

    def _instance_options(self, depends_on: Sequence[pulumi.Resource]) -> pulumi.ResourceOptions:
        return self.own(
            depends_on=[self._network.peering, *depends_on],
            protect=self._configuration.deletion_protection,
            ignore_changes=["settings.diskSize"],  # the disk grows by itself
        )

    def _settings(self, *, primary: bool) -> sql.DatabaseInstanceSettingsArgs:
        settings = self._configuration.database
        return sql.DatabaseInstanceSettingsArgs(
            tier=settings.tier,
            edition="ENTERPRISE",
            availability_type=settings.availability if primary else "ZONAL",
            # Whoever connects is known to IAM first, people with the proxy too.
            connector_enforcement="REQUIRED" if settings.connector_enforced else "NOT_REQUIRED",
            disk_type="PD_SSD",
            disk_size=settings.disk_gb,
            disk_autoresize=True,
            deletion_protection_enabled=self._configuration.deletion_protection,
            ip_configuration=sql.DatabaseInstanceSettingsIpConfigurationArgs(
                ipv4_enabled=False,
                private_network=self._network.network.id,
                ssl_mode="ENCRYPTED_ONLY",
            ),
            backup_configuration=self._backups() if primary else None,
            final_backup_config=sql.DatabaseInstanceSettingsFinalBackupConfigArgs(
                enabled=True, retention_days=settings.final_backup_days
            )
            if primary
            else None,
            retain_backups_on_delete=True if primary else None,
            maintenance_window=sql.DatabaseInstanceSettingsMaintenanceWindowArgs(
                day=SUNDAY, hour=settings.maintenance_hour, update_track="stable"
            ),
            insights_config=sql.DatabaseInstanceSettingsInsightsConfigArgs(
                query_insights_enabled=True,
                query_string_length=1024,
                query_plans_per_minute=5,
                record_application_tags=True,
                record_client_address=False,
            ),
            database_flags=[
                sql.DatabaseInstanceSettingsDatabaseFlagArgs(name=flag, value=value)
                for flag, value in self._flags().items()
            ],
            user_labels=self._configuration.labels,
        )

    def _backups(self) -> sql.DatabaseInstanceSettingsBackupConfigurationArgs:
        settings = self._configuration.database
        return sql.DatabaseInstanceSettingsBackupConfigurationArgs(
            enabled=True,
            start_time=BACKUP_TIME,
            location=self._configuration.backup_region,
            point_in_time_recovery_enabled=True,
            transaction_log_retention_days=settings.recovery_days,
            backup_retention_settings=sql.DatabaseInstanceSettingsBackupConfigurationBackupRetentionSettingsArgs(
                retained_backups=settings.backups_kept, retention_unit="COUNT"
            ),
        )

    def _flags(self) -> dict[str, str]:
        settings = self._configuration.database
        return {
            "cloudsql.iam_authentication": "on",
            "cloudsql.enable_pgaudit": "on",
            "pgaudit.log": settings.audited,
            "max_connections": str(settings.max_connections),
            "log_min_duration_statement": str(SLOW_STATEMENT_MS),
            # Without details: those of a slow statement are its parameters, which may be a user's words.
            "log_error_verbosity": "terse",
            "log_connections": "on",
            "log_disconnections": "on",
            "log_statement": "ddl",
            "log_lock_waits": "on",
            "log_temp_files": "10240",
            "pg_stat_statements.track": "all",
            "track_io_timing": "on",
        }
