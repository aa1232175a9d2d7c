"""The audit log is partitioned by month; what it held before is its first partition."""

from utxoiq_persistence.postgres.schema import plain_sql

revision = "0012"
down_revision = "0011"

upgrade, downgrade = plain_sql(__file__)
