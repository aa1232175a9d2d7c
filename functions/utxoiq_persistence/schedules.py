"""When each schedule last did its work: nothing else tells that a schedule stopped running."""

import logging
from collections.abc import Mapping

from utxoiq_persistence.errors import DatabaseUnavailable
from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.postgres.statements import load

_SQL = load("schedule_successes")
_log = logging.getLogger(__name__)

# The schedules that publish how long ago the others succeeded. Each tells of the other, so that neither stops unseen.
PUBLISH_METRICS = "publish-metrics"
WATCH_BACKUPS = "watch-backups"
SKETCH_METRICS = "sketch-metrics"
PARTITIONS = "partitions"
RETENTION = "retention"
BACKUP = "backup"
EXPORT = "export"
VERIFY_BACKUP = "verify-backup"
CONTINUE_VERIFICATION = "continue-verification"
SCHEDULES = (
    PUBLISH_METRICS,
    SKETCH_METRICS,
    PARTITIONS,
    RETENTION,
    BACKUP,
    EXPORT,
    WATCH_BACKUPS,
    VERIFY_BACKUP,
    CONTINUE_VERIFICATION,
)


class Schedules:
    """Keeps when each schedule last succeeded."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note_success(self, schedule: str) -> None:
        """Note that a schedule's work is done now. What was done stands also if that cannot be noted."""
        try:
            await self._database.fetch(_SQL["note_success"], idempotent=True, schedule=schedule)
        except DatabaseUnavailable as error:
            _log.warning("that %s succeeded could not be noted: %s", schedule, error)


def read_ages(session: Session) -> Mapping[str, float]:
    """Return for each schedule how many seconds ago it last succeeded, or was declared if it never has. Blocks."""
    return {str(schedule): float(seconds) for schedule, seconds in session.run(_SQL["ages"])}
