"""The keys of persons, by which the archive holds what tells of them, and what erases a person."""

from utxoiq_persistence.postgres.schema import plain_sql

revision = "0016"
down_revision = "0015"

upgrade, downgrade = plain_sql(__file__)
