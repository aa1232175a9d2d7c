"""Exports are recorded beside backups: the second copy of the database, in another place."""

from utxoiq_persistence.postgres.schema import plain_sql

revision = "0017"
down_revision = "0016"

upgrade, downgrade = plain_sql(__file__)
