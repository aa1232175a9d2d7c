"""The audit log's rows keep to their bound: read without a lock that anybody feels."""

from utxoiq_persistence.postgres.schema import plain_sql

revision = "0011"
down_revision = "0010"

upgrade, downgrade = plain_sql(__file__)
