"""What is known of backups and of their verifications."""

from utxoiq_persistence.postgres.schema import plain_sql

revision = "0004"
down_revision = "0003"

upgrade, downgrade = plain_sql(__file__)
