"""The handlers, one module a kind of resource. Importing this registers them all."""

from local_cloud.resources import (
    cache,
    database,
    declared_only,
    functions,
    generated,
    identity,
    logging,
    monitoring,
    schedules,
    secrets,
    storage,
)

__all__ = [
    "cache",
    "database",
    "declared_only",
    "functions",
    "generated",
    "identity",
    "logging",
    "monitoring",
    "schedules",
    "secrets",
    "storage",
]
