"""A function notes the success of its own schedules only, and no metrics that aggregates leave out."""

from utxoiq_persistence.postgres.schema import plain_sql

revision = "0018"
down_revision = "0017"

upgrade, downgrade = plain_sql(__file__)
