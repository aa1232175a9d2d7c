"""Erasure of a person: rows, statistics, cache, audit trail, and the key of what the archive holds."""

from contextlib import AsyncExitStack

from msgspec import Struct

from utxoiq_persistence.feedback import Feedback
from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.postgres.statements import load
from utxoiq_persistence.writes import audit

_SQL = load("person_keys")


class Erased(Struct, frozen=True):
    """Counts what was erased.

    Attributes:
        feedback: Rows of feedback, whose figures left the statistics.
        audit_entries: Entries of the audit trail that name the person no more.
        archived_days: Days of the archive whose rows of the person nobody can read any more.
        objects_in_clear: Objects of earlier releases that may hold rows of the person unencrypted; retention replaces
            them, and the keeper removes them.
    """

    feedback: int
    audit_entries: int
    archived_days: int
    objects_in_clear: int


async def erase(database: Database, feedback: Feedback, user_id: str) -> Erased:
    """Erase a user, and return what was erased. Erasing once more erases what came since, which may be nothing.

    Raises DatabaseUnavailable, also where it is unknown whether the user was erased: then erase again.
    """
    entry = audit.create_entry("feedback.erase", None)
    held = await database.fetch(_SQL["insights_of"], idempotent=True, user_id=user_id)
    known = {insight_id for (insight_id,) in held}
    async with AsyncExitStack() as changes:
        for change in feedback.changing(known):
            await changes.enter_async_context(change)
        ((rows, days, entries, in_clear, insights),) = await database.fetch(
            _SQL["erase"],
            user_id=user_id,
            **{name: entry.parameters[name] for name in ("actor", "key_id", "address", "request_id")},
        )
    # Those that the user gave feedback on while all this began.
    for change in feedback.changing(set(insights) - known):
        async with change:
            pass
    entry.made = bool(rows or days or entries)
    return Erased(rows, entries, days, in_clear)
