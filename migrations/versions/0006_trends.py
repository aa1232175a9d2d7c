"""Sketches of what the rollups count, for percentiles."""

from utxoiq_persistence.postgres.schema import plain_sql

revision = "0006"
down_revision = "0005"

upgrade, downgrade = plain_sql(__file__)
