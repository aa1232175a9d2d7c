"""Answers tell how many rows the archived part of a range has at most."""

from utxoiq_persistence.postgres.schema import plain_sql

revision = "0018"
down_revision = "0017"

upgrade, downgrade = plain_sql(__file__)
