"""Memorystore for Redis."""

import pulumi
from pulumi_gcp import redis

from utxoiq_infra.component import Component
from utxoiq_infra.configuration.settings import Configuration
from utxoiq_infra.encryption import Encryption
from utxoiq_infra.network import Network

SNAPSHOT_PERIODS = {"1h": "ONE_HOUR", "6h": "SIX_HOURS", "12h": "TWELVE_HOURS", "24h": "TWENTY_FOUR_HOURS"}


class Cache(Component):
    """The Redis instance. `auth` is its password; `environment` is what else a client needs."""

    def __init__(
        self,
        name: str,
        configuration: Configuration,
        network: Network,
        encryption: Encryption,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Cache", name, opts)
        settings = configuration.cache
        highly_available = settings.tier == "STANDARD_HA"
        self.instance = redis.Instance(
            name,
            name=name,
            project=configuration.project,
            region=configuration.region,
            redis_version=settings.version,
            tier=settings.tier,
            memory_size_gb=settings.memory_gb,
            auth_enabled=True,
            transit_encryption_mode="SERVER_AUTHENTICATION" if settings.encryption else "DISABLED",
            redis_configs={"maxmemory-policy": settings.eviction},
            # Read replicas are for more than one; the first is there for failing over.
            replica_count=settings.replicas if highly_available else None,
            read_replicas_mode="READ_REPLICAS_ENABLED" if settings.replicas > 1 else "READ_REPLICAS_DISABLED",
            persistence_config=_persistence(settings.persistence),
            maintenance_policy=_maintenance(configuration.database.maintenance_hour),
            connect_mode="PRIVATE_SERVICE_ACCESS",
            authorized_network=network.network.id,
            customer_managed_key=encryption.key,
            deletion_protection=configuration.deletion_protection,
            labels=configuration.labels,
            opts=self.own(depends_on=[network.peering, *encryption.grants]),
        )
        self.auth = self.instance.auth_string
        self.environment: dict[str, pulumi.Input[str]] = {
            "REDIS_HOST": self.instance.host,
            "REDIS_PORT": self.instance.port.apply(lambda port: str(int(port))),
            "REDIS_TLS": str(settings.encryption).lower(),
        }
        if settings.encryption:
            # Two authorities while one is being replaced by the next.
            self.environment["REDIS_CA"] = self.instance.server_ca_certs.apply(
                lambda authorities: "\n".join(authority.cert or "" for authority in authorities)
            )
        self.register_outputs({"host": self.instance.host})


def _persistence(period: str) -> redis.InstancePersistenceConfigArgs:
    """A cache that warms itself needs none; with snapshots a failure of both nodes loses less of what is counted."""
    if period == "off":
        return redis.InstancePersistenceConfigArgs(persistence_mode="DISABLED")
    return redis.InstancePersistenceConfigArgs(persistence_mode="RDB", rdb_snapshot_period=SNAPSHOT_PERIODS[period])


def _maintenance(hour: int) -> redis.InstanceMaintenancePolicyArgs:
    """Sundays, with the database's."""
    start = redis.InstanceMaintenancePolicyWeeklyMaintenanceWindowStartTimeArgs(
        hours=hour, minutes=0, seconds=0, nanos=0
    )
    window = redis.InstanceMaintenancePolicyWeeklyMaintenanceWindowArgs(day="SUNDAY", start_time=start)
    return redis.InstanceMaintenancePolicyArgs(weekly_maintenance_windows=[window])
