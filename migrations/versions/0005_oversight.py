"""What the database function tells about the system as a whole."""

from utxoiq_persistence.postgres.schema import plain_sql

revision = "0005"
down_revision = "0004"

upgrade, downgrade = plain_sql(__file__)
