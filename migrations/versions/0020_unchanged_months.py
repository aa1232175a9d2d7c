"""A month whose rows have not changed since they were archived is dropped without reading them again."""

from utxoiq_persistence.postgres.schema import plain_sql

revision = "0020"
down_revision = "0019"

upgrade, downgrade = plain_sql(__file__)
