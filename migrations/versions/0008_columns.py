"""A month's rows are compared, and go back to the table, with every column that there is."""

from utxoiq_persistence.postgres.schema import plain_sql

revision = "0008"
down_revision = "0007"

upgrade, downgrade = plain_sql(__file__)
