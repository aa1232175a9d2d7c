"""Objects that are gone from the archive, the last success of each schedule, and a bound for the audit log's rows."""

from utxoiq_persistence.postgres.schema import plain_sql

revision = "0010"
down_revision = "0009"

upgrade, downgrade = plain_sql(__file__)
