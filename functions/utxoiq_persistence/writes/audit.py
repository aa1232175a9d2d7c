"""The audit trail of changes: who changed what, when, from where, and in which request.

The statement that makes a change also inserts its entry, so that either both are stored or neither is.
"""

import os
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Any

import msgspec
from msgspec import Struct

from utxoiq_persistence.postgres import arrays, cursors
from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.postgres.statements import load
from utxoiq_persistence.records import AuditQuery, Page

_SQL = load("audit_log")
_encode = msgspec.json.Encoder().encode


class Entry:
    """Describes one change.

    Attributes:
        action: What is done, such as "job.start".
        subject: The id of what is changed.
        details: More about the change, for the trail and the log.
        made: Whether the statement has changed something.
        parameters: The entry as parameters of a statement.
    """

    __slots__ = ("action", "details", "made", "parameters", "subject")

    def __init__(self, origin: "Origin", action: str, subject: str | None, details: Mapping[str, object]) -> None:
        self.action = action
        self.subject = subject
        self.details = details
        self.made = False
        # Whoever covers tracks sends the id of somebody else's request.
        own = {} if origin.own_id is None else {"own_request_id": origin.own_id}
        kept = {**details, **own}
        self.parameters: Mapping[str, Any] = {
            "actor": origin.actor,
            "key_id": origin.key_id,
            "address": origin.address,
            "request_id": origin.request_id,
            "action": action,
            "subject": subject,
            "details": _encode(kept).decode() if kept else None,
        }


class Origin(Struct):
    """Describes who asks for changes.

    Attributes:
        actor: The caller's name.
        key_id: The id of the API key that the caller sent.
        address: The caller's IP address.
        request_id: The id of the request, which its caller may have chosen.
        own_id: The id that we gave the request, where its caller has chosen one.
        entries: The changes of this request, for its log line.
    """

    actor: str
    key_id: str | None = None
    address: str | None = None
    request_id: str | None = None
    entries: list[Entry] = []
    own_id: str | None = None


# The actor of changes that a function makes without a request.
_OWN_ACTOR = f"function:{os.environ.get('K_SERVICE', 'local')}"
_origin: ContextVar[Origin | None] = ContextVar("origin", default=None)


def set_origin(origin: Origin) -> None:
    """Attribute the changes of this task and its children to `origin`."""
    _origin.set(origin)


def request_id() -> str | None:
    """Return the id of the request that this task serves, or None."""
    origin = _origin.get()
    return None if origin is None else origin.request_id


def create_entry(action: str, subject: str | None, **details: object) -> Entry:
    """Return an entry for the statement that is about to make a change, and note it in the task's origin.

    Args:
        action: What is done, such as "job.start".
        subject: The id of what is changed.
        details: More about the change; never what users wrote, and never secrets.
    """
    origin = _origin.get()
    if origin is None:
        return Entry(Origin(_OWN_ACTOR), action, subject, details)
    made = Entry(origin, action, subject, details)
    origin.entries.append(made)
    return made


def encode_entries(entries: Sequence[Entry]) -> dict[str, str]:
    """Return the parameters of a statement that makes many changes, each an array literal."""
    rows = [entry.parameters for entry in entries]
    return {
        plural: arrays.encode_texts(row[name] for row in rows)
        for plural, name in (
            ("actors", "actor"),
            ("key_ids", "key_id"),
            ("addresses", "address"),
            ("request_ids", "request_id"),
            ("actions", "action"),
            ("subjects", "subject"),
            ("details", "details"),
        )
    }


class AuditLog:
    """Reads the audit trail, and adds changes that no other statement records."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, query: AuditQuery) -> Page:
        """Return a page of entries, newest first.

        Raises:
            BadCursor: The cursor is not one of this list.
        """
        ((body, place),) = await self._database.fetch(
            _SQL["find_entries"],
            idempotent=True,
            start_time=query.start_time,
            end_time=query.end_time,
            actor=query.actor,
            action=query.action,
            subject=query.subject,
            request_id=query.request_id,
            limit=query.limit,
            offset=query.offset,
            **cursors.decode(query.cursor, int),
        )
        return Page(body.encode(), cursors.encode(place))

    async def append(self, action: str, subject: str | None, **details: object) -> None:
        """Add a change that is not made by a statement, such as an archived object or a backup."""
        change = create_entry(action, subject, **details)
        await self._database.fetch(_SQL["append"], **change.parameters)
        change.made = True
