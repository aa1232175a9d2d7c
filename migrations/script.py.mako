"""${message}."""

from utxoiq_persistence.postgres.schema import plain_sql

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}

upgrade, downgrade = plain_sql(__file__)
