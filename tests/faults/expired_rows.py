"""Rows that have expired, and where they are: each is in the database or in the archive, and never twice in that."""

import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count

from pg8000.exceptions import DatabaseError, InterfaceError
from tests.faults.world import BUCKET, DATABASE, World

from commands.archive import query
from commands.archive.bucket import Bucket

# Older than jobs are kept, on one of so many days.
AGE_DAYS = 200
DAYS = 3
# What is archived first, and then read back again and again.
FIRST_AGE_DAYS = 300
FIRST_ROWS = 20
_INSERT = """
INSERT INTO backfill_jobs (id, job_type, start_block, end_block, current_block, status, progress_percentage,
                           started_at, completed_at)
VALUES (:id, 'expired', 0, 1, 1, 'completed', 100, :at, :at)
"""


class ExpiredRows:
    """Jobs that ended long ago. Those of which the database acknowledged the insertion are counted."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._numbers = count()
        self._acknowledged: list[str] = []

    def insert_first(self) -> None:
        """Insert what is archived first."""
        for _ in range(FIRST_ROWS):
            self._insert(FIRST_AGE_DAYS)

    def insert(self) -> None:
        """Insert one, where the database is there."""
        self._insert(AGE_DAYS + next(self._numbers) % DAYS)

    def _insert(self, age: int) -> None:
        identifier = str(uuid.uuid4())
        at = datetime.now(UTC) - timedelta(days=age)
        try:
            with self._world.postgres.connect(database=DATABASE) as connection:
                connection.run(_INSERT, id=identifier, at=at)
        except (DatabaseError, InterfaceError, OSError):
            return
        self._acknowledged.append(identifier)

    def order_first(self) -> dict[str, object]:
        """Return the order by which what was archived first is restored."""
        now = datetime.now(UTC)
        start, end = (now - timedelta(days=FIRST_AGE_DAYS + more) for more in (1, -1))
        return {
            "table": "backfill_jobs",
            "start_time": start.isoformat(),
            "end_time": end.isoformat(),
            "keep_days": 1,
        }

    def compare(self) -> tuple[int, int, int]:
        """Return how many are in the archive, how many are nowhere, and how many are in the archive more than once."""
        acknowledged = set(self._acknowledged)
        with self._world.postgres.connect(database=DATABASE) as connection:
            live = {str(identifier) for (identifier,) in connection.run("SELECT id FROM backfill_jobs")}
        # After the database: a row is archived before it is deleted.
        answer = query.run(Bucket(BUCKET, self._world.storage.url), "SELECT id::text FROM backfill_jobs")
        archived = Counter() if answer is None else Counter(identifier for (identifier,) in query.rows(answer))
        lost = len(acknowledged - live - archived.keys())
        return len(archived), lost, sum(number > 1 for number in archived.values())
