"""The database function loses what it does not need."""

from utxoiq_persistence.postgres.schema import plain_sql

revision = "0007"
down_revision = "0006"

upgrade, downgrade = plain_sql(__file__)
