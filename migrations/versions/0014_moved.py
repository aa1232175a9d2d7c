"""Every metric is stored narrow: the wide rows move in small transactions, and then the fold keeps the rollups."""

from utxoiq_persistence.postgres.schema import call, plain_sql

revision = "0014"
down_revision = "0013"

_finish, downgrade = plain_sql(__file__)


def upgrade() -> None:
    """Move the rows, again and again if it is killed; then let the watermark take over in one transaction."""
    call("system_metrics_narrow")
    _finish()
