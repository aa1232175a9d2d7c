"""Run the versions under Alembic.

utxoiq_persistence.postgres.schema calls this, and owns the connection and its lock.
"""

from alembic import context
from alembic.runtime.migration import MigrationInfo

attributes = context.config.attributes


def note_version(*, step: MigrationInfo, **_: object) -> None:
    attributes["applied"].append(step.up_revision_id)


if context.is_offline_mode():
    context.configure(dialect_name="postgresql", transaction_per_migration=True)
else:
    context.configure(
        connection=attributes["connection"], transaction_per_migration=True, on_version_apply=note_version
    )

with context.begin_transaction():
    context.run_migrations()
