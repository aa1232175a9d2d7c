"""A function notes the success of its own schedules only, and no metrics that aggregates leave out."""

from utxoiq_persistence.postgres.schema import plain_sql

revision = "0019"
down_revision = "0018"

upgrade, downgrade = plain_sql(__file__)
