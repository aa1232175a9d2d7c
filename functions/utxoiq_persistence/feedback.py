"""Insight feedback: one row a user and insight, and the statistics that a trigger keeps beside it."""

from collections.abc import Mapping, Sequence
from functools import partial

from msgspec import Struct

from utxoiq_persistence.cache.cache import Cache
from utxoiq_persistence.errors import RuleBroken
from utxoiq_persistence.postgres import arrays, cursors
from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.postgres.statements import Statement, load
from utxoiq_persistence.records import (
    Comment,
    CommentsQuery,
    Document,
    Flag,
    Page,
    Rating,
    UserFeedbackQuery,
)
from utxoiq_persistence.writes import audit
from utxoiq_persistence.writes.grouping import Groups

_SQL = load("insight_feedback")
CACHE_SECONDS = 3600
# Of a group of writes: more at once take hardly less each.
MAX_WRITES = 100


class _Write(Struct):
    """Of one user's feedback on one insight. columns: what of the row is set, by the parameter that brings it."""

    insight_id: str
    user_id: str
    columns: Mapping[str, str | None]
    entry: audit.Entry


class Feedback:
    """Each write sets its own columns and leaves the others; writing the same twice changes nothing but updated_at."""

    def __init__(self, database: Database, cache: Cache) -> None:
        self._database = database
        self._cache = cache
        self._writes = {name: self._groups(name) for name in ("rate", "comment", "flag")}

    async def rate(self, rating: Rating, user_id: str) -> Document:
        return await self._write(
            "rate", rating.insight_id, user_id, ratings=str(rating.rating), comments=rating.comment
        )

    async def comment(self, comment: Comment, user_id: str) -> Document:
        return await self._write("comment", comment.insight_id, user_id, comments=comment.comment)

    async def flag(self, flag: Flag, user_id: str) -> Document:
        return await self._write(
            "flag", flag.insight_id, user_id, flag_types=flag.flag_type, flag_reasons=flag.flag_reason
        )

    async def stats(self, insight_id: str) -> Document:
        """Statistics of any insight: all zero, and no average, of one without feedback."""

        async def read() -> Document:
            ((text,),) = await self._database.fetch(_SQL["stats"], idempotent=True, insight_id=insight_id)
            return Document(text.encode())

        return await self._cache.get("feedback_stats", _tag(insight_id), "", CACHE_SECONDS, read)

    async def comments(self, query: CommentsQuery) -> Page:
        """Newest first. Raises BadCursor."""
        ((body, place),) = await self._database.fetch(
            _SQL["comments"],
            idempotent=True,
            insight_id=query.insight_id,
            limit=query.limit,
            offset=query.offset,
            **cursors.decode(query.cursor),
        )
        return Page(body.encode(), cursors.encode(place))

    async def of_user(self, query: UserFeedbackQuery, user_id: str) -> Page:
        """Newest first. Raises BadCursor, and RuleBroken where the range ends before it starts."""
        if query.start_time and query.end_time and query.end_time < query.start_time:
            raise RuleBroken("end_time is before start_time")
        ((body, place),) = await self._database.fetch(
            _SQL["of_user"],
            idempotent=True,
            user_id=user_id,
            start_time=query.start_time,
            end_time=query.end_time,
            rating=query.rating,
            limit=query.limit,
            offset=query.offset,
            **cursors.decode(query.cursor),
        )
        return Page(body.encode(), cursors.encode(place))

    async def _write(self, name: str, insight_id: str, user_id: str, **columns: str | None) -> Document:
        entry = audit.create_entry(f"feedback.{name}", insight_id, user_id=user_id)
        write = _Write(insight_id, user_id, columns, entry)
        body = await self._writes[name].add(write, keys=frozenset([(insight_id, user_id)]))
        entry.made = True
        return Document(body)

    def _groups(self, name: str) -> Groups[_Write, bytes]:
        return Groups(name, partial(self._write_all, _SQL[name]), MAX_WRITES)

    async def _write_all(self, statement: Statement, writes: Sequence[_Write]) -> list[bytes]:
        """The rows. No two writes are of one user and insight."""
        async with self._cache.changing({_tag(write.insight_id) for write in writes}):
            rows = await self._database.fetch(
                statement,
                idempotent=True,
                insight_ids=arrays.encode_texts(write.insight_id for write in writes),
                user_ids=arrays.encode_texts(write.user_id for write in writes),
                **{name: arrays.encode_texts(write.columns[name] for write in writes) for name in writes[0].columns},
                **audit.encode_entries([write.entry for write in writes]),
            )
        bodies = {(insight_id, user_id): text.encode() for insight_id, user_id, text in rows}
        return [bodies[write.insight_id, write.user_id] for write in writes]


def _tag(insight_id: str) -> str:
    return f"stats:{insight_id}"
