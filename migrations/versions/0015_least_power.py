"""What a role may do is checked by who has logged in: one function reads and forges nothing of another's."""

from utxoiq_persistence.postgres.schema import plain_sql

revision = "0015"
down_revision = "0014"

upgrade, downgrade = plain_sql(__file__)
