"""Insight feedback: one row per user and insight, and the statistics that a trigger keeps up to date."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial

from msgspec import Struct

from utxoiq_persistence.cache.cache import Cache
from utxoiq_persistence.errors import RuleBroken
from utxoiq_persistence.postgres import arrays, cursors
from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.postgres.statements import Statement, load
from utxoiq_persistence.records import (
    Clearing,
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
# The most writes of one group. In larger groups a write costs hardly less.
MAX_WRITES = 100
# How many entries of the cache one call invalidates.
MAX_TAGS = 500


class _Write(Struct):
    """Holds a write of one user's feedback on one insight. `columns` are the values that it sets, by parameter."""

    insight_id: str
    user_id: str
    columns: Mapping[str, str | None]
    entry: audit.Entry


class Feedback:
    """Stores and reads insight feedback.

    Each write sets its own columns and leaves the others. Writing the same twice changes only updated_at. Every method
    raises DatabaseUnavailable where the database cannot be reached.
    """

    def __init__(self, database: Database, cache: Cache) -> None:
        self._database = database
        self._cache = cache
        self._writes = {name: self._create_groups(name) for name in ("rate", "comment", "flag")}

    async def rate(self, rating: Rating, user_id: str) -> Document:
        """Set a user's rating of an insight, with its comment, and return the row."""
        return await self._write(
            "rate", rating.insight_id, user_id, ratings=str(rating.rating), comments=rating.comment
        )

    async def comment(self, comment: Comment, user_id: str) -> Document:
        """Set a user's comment on an insight, and return the row."""
        return await self._write("comment", comment.insight_id, user_id, comments=comment.comment)

    async def flag(self, flag: Flag, user_id: str) -> Document:
        """Set a user's flag on an insight, with its reason, and return the row."""
        return await self._write(
            "flag", flag.insight_id, user_id, flag_types=flag.flag_type, flag_reasons=flag.flag_reason
        )

    async def clear(self, clearing: Clearing, user_id: str) -> Document | None:
        """Clear a part of a user's feedback on an insight, or all of it.

        Return the row that is left, or None if none is. Clearing what is clear changes nothing.
        """
        part = clearing.part or "all"
        entry = audit.create_entry("feedback.clear", clearing.insight_id, user_id=user_id, part=part)
        async with self._cache.changing({_tag(clearing.insight_id)}):
            ((entry.made, text),) = await self._database.fetch(
                _SQL["clear"],
                idempotent=True,
                insight_id=clearing.insight_id,
                user_id=user_id,
                part=part,
                **entry.parameters,
            )
        return None if text is None else Document(text.encode())

    def changing(self, insight_ids: Iterable[str]) -> Iterator[AbstractAsyncContextManager[None]]:
        """Yield changes of the cache, which are to be entered around a change of these insights' statistics."""
        tags = [_tag(insight_id) for insight_id in insight_ids]
        for start in range(0, len(tags), MAX_TAGS):
            yield self._cache.changing(tags[start : start + MAX_TAGS])

    async def stats(self, insight_id: str) -> Document:
        """Return an insight's statistics. Without feedback all figures are zero, the average too."""

        async def read() -> Document:
            ((text,),) = await self._database.fetch(_SQL["stats"], idempotent=True, insight_id=insight_id)
            return Document(text.encode())

        return await self._cache.get("feedback_stats", _tag(insight_id), "", CACHE_SECONDS, read)

    async def comments(self, query: CommentsQuery) -> Page:
        """Return a page of an insight's comments, newest first.

        Raises:
            BadCursor: The cursor is not one of this list.
        """
        ((body, place),) = await self._database.fetch(
            _SQL["comments"],
            idempotent=True,
            insight_id=query.insight_id,
            limit=query.limit,
            offset=query.offset,
            **cursors.decode(query.cursor),
        )
        return Page(body.encode(), cursors.encode(place))

    async def find_by_user(self, query: UserFeedbackQuery, user_id: str) -> Page:
        """Return a page of a user's feedback, newest first.

        Raises:
            BadCursor: The cursor is not one of this list.
            RuleBroken: The range ends before it starts.
        """
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

    def _create_groups(self, name: str) -> Groups[_Write, bytes]:
        return Groups(name, partial(self._write_all, _SQL[name]), MAX_WRITES)

    async def _write_all(
        self, statement: Statement, writes: Sequence[_Write], stored: Callable[[], None]
    ) -> list[bytes]:
        """Store a group of writes, and return their rows. No two writes have the same user and insight."""
        async with self._cache.changing({_tag(write.insight_id) for write in writes}):
            rows = await self._database.fetch(
                statement,
                idempotent=False,
                insight_ids=arrays.encode_texts(write.insight_id for write in writes),
                user_ids=arrays.encode_texts(write.user_id for write in writes),
                **{name: arrays.encode_texts(write.columns[name] for write in writes) for name in writes[0].columns},
                **audit.encode_entries([write.entry for write in writes]),
            )
            stored()
        bodies = {(insight_id, user_id): text.encode() for insight_id, user_id, text in rows}
        return [bodies[write.insight_id, write.user_id] for write in writes]


def _tag(insight_id: str) -> str:
    return f"stats:{insight_id}"
