"""Ratings, comments and flags, and the statistics that must always say what a recount would."""

import asyncio
import json
import random
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest

from local_cloud.processes.postgres import Postgres
from utxoiq_persistence.records import Comment, CommentsQuery, Document, Flag, FlagType, Page, Rating, UserFeedbackQuery
from utxoiq_persistence.store import Store

pytestmark = pytest.mark.anyio

FIELDS = {
    "id",
    "insight_id",
    "user_id",
    "rating",
    "comment",
    "flag_type",
    "flag_reason",
    "created_at",
    "updated_at",
}
FLAGS: list[FlagType] = ["inaccurate", "misleading", "spam"]


@pytest.fixture
def insight() -> str:
    return f"insight-{uuid4()}"


def shown(answer: Document | Page) -> Any:
    return json.loads(answer.body)


async def test_rating_comment_and_flag_each_leave_the_others_as_they_are(store: Store, insight: str) -> None:
    first = shown(await store.feedback.rate(Rating(insight, 4), "u"))
    await store.feedback.comment(Comment(insight, "good"), "u")
    await store.feedback.flag(Flag(insight, "spam", "why not"), "u")
    last = shown(await store.feedback.rate(Rating(insight, 2), "u"))
    assert set(last) == FIELDS
    assert last["id"] == first["id"]
    assert (last["rating"], last["comment"], last["flag_type"], last["flag_reason"]) == (2, "good", "spam", "why not")
    assert last["created_at"] == first["created_at"] < last["updated_at"]


async def test_a_rating_with_a_comment_sets_both(store: Store, insight: str) -> None:
    row = shown(await store.feedback.rate(Rating(insight, 5, comment="fine"), "u"))
    assert (row["rating"], row["comment"]) == (5, "fine")


async def test_an_insight_without_feedback_has_statistics_of_zeros(store: Store, insight: str) -> None:
    assert shown(await store.feedback.stats(insight)) == {
        "insight_id": insight,
        "total_ratings": 0,
        "average_rating": 0.0,
        "rating_distribution": {"1": 0, "2": 0, "3": 0, "4": 0, "5": 0},
        "total_comments": 0,
        "total_flags": 0,
        "flag_types": {},
    }


async def test_statistics_count_what_was_given(store: Store, insight: str) -> None:
    for user, rating in enumerate((5, 5, 2)):
        await store.feedback.rate(Rating(insight, rating, comment="x" if user else None), f"u{user}")
    await store.feedback.flag(Flag(insight, "spam"), "u0")
    await store.feedback.rate(Rating(insight, 4), "u0")
    assert shown(await store.feedback.stats(insight)) == {
        "insight_id": insight,
        "total_ratings": 3,
        "average_rating": pytest.approx(11 / 3),
        "rating_distribution": {"1": 0, "2": 1, "3": 0, "4": 1, "5": 1},
        "total_comments": 2,
        "total_flags": 1,
        "flag_types": {"spam": 1},
    }


async def test_statistics_equal_a_recount_after_any_history(store: Store, postgres: Postgres, database: str) -> None:
    """Many writers at once, on few rows; deletes and repairs made by hand as well."""
    chance = random.Random(7)  # noqa: S311
    insights = [f"history-{number}" for number in range(3)]

    async def write() -> None:
        insight, user = chance.choice(insights), f"u{chance.randrange(6)}"
        match chance.randrange(4):
            case 0:
                await store.feedback.rate(Rating(insight, chance.randint(1, 5)), user)
            case 1:
                await store.feedback.comment(Comment(insight, "c"), user)
            case 2:
                await store.feedback.flag(Flag(insight, chance.choice(FLAGS)), user)
            case _:
                await asyncio.to_thread(by_hand, insight, user, chance.randrange(3))

    def by_hand(insight: str, user: str, kind: int) -> None:
        change = [
            "DELETE FROM insight_feedback",
            "UPDATE insight_feedback SET rating = NULL, comment = NULL",
            "UPDATE insight_feedback SET insight_id = 'history-moved', user_id = gen_random_uuid()::text",
        ][kind]
        with postgres.connect(database=database) as connection:
            connection.run(f"{change} WHERE insight_id = :insight AND user_id = :user", insight=insight, user=user)

    for _ in range(20):
        await asyncio.gather(*(write() for _ in range(20)))
    with postgres.connect(database=database) as connection:
        differences = connection.run(RECOUNT_DIFFERS)
    assert differences == []


RECOUNT_DIFFERS = """
WITH recount AS (
    SELECT insight_id,
           count(*) FILTER (WHERE rating = 1), count(*) FILTER (WHERE rating = 2), count(*) FILTER (WHERE rating = 3),
           count(*) FILTER (WHERE rating = 4), count(*) FILTER (WHERE rating = 5), count(comment),
           count(*) FILTER (WHERE flag_type = 'inaccurate'), count(*) FILTER (WHERE flag_type = 'misleading'),
           count(*) FILTER (WHERE flag_type = 'spam')
    FROM insight_feedback GROUP BY 1
), kept AS (
    SELECT * FROM insight_stats AS s
    WHERE rating_1 + rating_2 + rating_3 + rating_4 + rating_5 + comments > 0
       OR flags_inaccurate + flags_misleading + flags_spam > 0
), recounted AS (
    SELECT recount.* FROM recount WHERE recount::text !~ ',0,0,0,0,0,0,0,0,0\\)$'
)
(TABLE kept EXCEPT TABLE recounted) UNION ALL (TABLE recounted EXCEPT TABLE kept)
"""


async def test_comments_come_newest_first_with_the_total_of_all(store: Store, insight: str) -> None:
    for number in range(5):
        await store.feedback.comment(Comment(insight, f"c{number}"), f"u{number}")
    await store.feedback.rate(Rating(insight, 1), "silent")
    page = await store.feedback.comments(CommentsQuery(insight, limit=2, offset=1))
    answer = shown(page)
    assert [comment["comment"] for comment in answer.pop("comments")] == ["c3", "c2"]
    assert answer == {"insight_id": insight, "total": 5, "limit": 2, "offset": 1}
    (first, *_) = shown(await store.feedback.comments(CommentsQuery(insight)))["comments"]
    assert set(first) == {"id", "user_id", "comment", "created_at", "updated_at"}


async def test_the_last_page_of_comments_has_no_next(store: Store, insight: str) -> None:
    for number in range(4):
        await store.feedback.comment(Comment(insight, f"c{number}"), f"u{number}")
    first = await store.feedback.comments(CommentsQuery(insight, limit=2))
    await store.feedback.comment(Comment(insight, "newest"), "u9")
    last = await store.feedback.comments(CommentsQuery(insight, limit=2, cursor=first.next_cursor))
    assert [comment["comment"] for comment in shown(last)["comments"]] == ["c1", "c0"]
    assert last.next_cursor is None


async def test_a_users_feedback_by_rating_and_range(store: Store) -> None:
    user = f"user-{uuid4()}"
    rows = [shown(await store.feedback.rate(Rating(f"{user}-{n}", n), user)) for n in range(1, 6)]
    everything = shown(await store.feedback.find_by_user(UserFeedbackQuery(limit=2), user))
    assert everything.pop("feedback") == [rows[4], rows[3]]
    assert everything == {"user_id": user, "total": 5, "limit": 2, "offset": 0}
    rated = shown(await store.feedback.find_by_user(UserFeedbackQuery(rating=3), user))
    assert (rated["feedback"], rated["total"]) == ([rows[2]], 1)
    bounds = UserFeedbackQuery(start_time=moment(rows[1]), end_time=moment(rows[3]))
    assert shown(await store.feedback.find_by_user(bounds, user))["feedback"] == [rows[3], rows[2], rows[1]]


def moment(row: Any) -> datetime:
    return datetime.fromisoformat(row["created_at"])


async def test_a_user_pages_through_by_cursor(store: Store) -> None:
    user = f"user-{uuid4()}"
    for number in range(5):
        await store.feedback.rate(Rating(f"{user}-{number}", 3), user)
    first = await store.feedback.find_by_user(UserFeedbackQuery(limit=3), user)
    rest = await store.feedback.find_by_user(UserFeedbackQuery(limit=3, cursor=first.next_cursor), user)
    seen = [row["insight_id"] for page in (first, rest) for row in shown(page)["feedback"]]
    assert seen == [f"{user}-{number}" for number in (4, 3, 2, 1, 0)]
    assert shown(rest)["total"] == 5
