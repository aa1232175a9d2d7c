"""API keys, the audit log, and who may use what of them."""

from utxoiq_persistence.postgres.schema import plain_sql

revision = "0003"
down_revision = "0002"

upgrade, downgrade = plain_sql(__file__)
