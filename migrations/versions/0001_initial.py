"""The three tables of the contract, what is derived from them, and who may use what."""

from utxoiq_persistence.postgres.schema import plain_sql

revision = "0001"
down_revision = None

upgrade, downgrade = plain_sql(__file__)
