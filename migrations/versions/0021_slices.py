"""Of hours with many points slices of five minutes are kept, and deltas are read by their index."""

from utxoiq_persistence.postgres.schema import plain_sql

revision = "0021"
down_revision = "0020"

upgrade, downgrade = plain_sql(__file__)
