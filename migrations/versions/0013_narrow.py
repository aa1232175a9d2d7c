"""Points of series instead of wide rows of metrics, and what folds them; both kinds are read as system_metrics."""

from utxoiq_persistence.postgres.schema import call, plain_sql

revision = "0013"
down_revision = "0012"

upgrade, _finish = plain_sql(__file__)


def downgrade() -> None:
    """Move the points in small transactions, then put the wide table in the place of the view. Killed, it goes on."""
    call("system_metrics_widen")
    _finish()
