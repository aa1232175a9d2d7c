"""The archive's ledger, months of system_metrics that come and go, and statistics that outlive archived feedback."""

from utxoiq_persistence.postgres.schema import plain_sql

revision = "0002"
down_revision = "0001"

upgrade, downgrade = plain_sql(__file__)
