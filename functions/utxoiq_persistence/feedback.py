"""Insight feedback: one row a user and insight, and the statistics that a trigger keeps beside it."""

from utxoiq_persistence import audit, cursors
from utxoiq_persistence.cache import Cache
from utxoiq_persistence.database import Database
from utxoiq_persistence.errors import RuleBroken
from utxoiq_persistence.records import (
    Comment,
    CommentsQuery,
    Document,
    Flag,
    Page,
    Rating,
    UserFeedbackQuery,
)
from utxoiq_persistence.statements import Statement, load

_SQL = load("insight_feedback")
CACHE_SECONDS = 3600


class Feedback:
    """Each write sets its own columns and leaves the others; writing the same twice changes nothing but updated_at."""

    def __init__(self, database: Database, cache: Cache) -> None:
        self._database = database
        self._cache = cache

    async def rate(self, rating: Rating, user_id: str) -> Document:
        return await self._write(_SQL["rate"], rating.insight_id, user_id, rating=rating.rating, comment=rating.comment)

    async def comment(self, comment: Comment, user_id: str) -> Document:
        return await self._write(_SQL["comment"], comment.insight_id, user_id, comment=comment.comment)

    async def flag(self, flag: Flag, user_id: str) -> Document:
        return await self._write(
            _SQL["flag"], flag.insight_id, user_id, flag_type=flag.flag_type, flag_reason=flag.flag_reason
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

    async def _write(self, statement: Statement, insight_id: str, user_id: str, **columns: object) -> Document:
        entry = audit.entry(f"feedback.{statement.name}", insight_id, user_id=user_id)
        async with self._cache.changing([_tag(insight_id)]):
            ((text,),) = await self._database.fetch(
                statement, idempotent=True, insight_id=insight_id, user_id=user_id, **columns, **entry.parameters
            )
        entry.made = True
        return Document(text.encode())


def _tag(insight_id: str) -> str:
    return f"stats:{insight_id}"
