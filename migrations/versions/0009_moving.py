"""Room for what a move from the system before needs to remember, and a role for the person who does it."""

from utxoiq_persistence.postgres.schema import plain_sql

revision = "0009"
down_revision = "0008"

upgrade, downgrade = plain_sql(__file__)
