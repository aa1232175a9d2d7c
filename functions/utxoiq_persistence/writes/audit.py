"""The trace of changes: who, what, when, from where, in which request.

An entry travels as parameters of the very statement that makes the change, so that both are there or neither is.
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
    """One change. made: whether its statement has changed something."""

    __slots__ = ("action", "details", "made", "parameters", "subject")

    def __init__(self, origin: "Origin", action: str, subject: str | None, details: Mapping[str, object]) -> None:
        self.action = action
        self.subject = subject
        self.details = details
        self.made = False
        self.parameters: Mapping[str, Any] = {
            "actor": origin.actor,
            "key_id": origin.key_id,
            "address": origin.address,
            "request_id": origin.request_id,
            "action": action,
            "subject": subject,
            "details": _encode(details).decode() if details else None,
        }


class Origin(Struct):
    """Whoever asks for changes. key_id: of the API key that was shown. entries: of this request, for its log line."""

    actor: str
    key_id: str | None = None
    address: str | None = None
    request_id: str | None = None
    entries: list[Entry] = []


# A function that changes something of its own accord.
_OWN_ACTOR = f"function:{os.environ.get('K_SERVICE', 'local')}"
_origin: ContextVar[Origin | None] = ContextVar("origin", default=None)


def begin(origin: Origin) -> None:
    """From here on, changes of this task and of those it starts are this one's."""
    _origin.set(origin)


def request_id() -> str | None:
    """Of the request that this task serves."""
    origin = _origin.get()
    return None if origin is None else origin.request_id


def entry(action: str, subject: str | None, **details: object) -> Entry:
    """For the statement that is about to make the change. Details never hold what users wrote, nor secrets."""
    origin = _origin.get()
    if origin is None:
        return Entry(Origin(_OWN_ACTOR), action, subject, details)
    made = Entry(origin, action, subject, details)
    origin.entries.append(made)
    return made


def columns(entries: Sequence[Entry]) -> dict[str, str]:
    """The parameters of a statement that makes the changes of many."""
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
    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, query: AuditQuery) -> Page:
        """Newest first. Raises BadCursor."""
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
        """Of a change that is no row's: an object archived, a backup taken."""
        change = entry(action, subject, **details)
        await self._database.fetch(_SQL["append"], **change.parameters)
        change.made = True
