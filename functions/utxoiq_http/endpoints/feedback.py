"""Ratings, comments and flags on insights, and what they add up to."""

from msgspec import Struct

from utxoiq_http import answer
from utxoiq_http import answers as views
from utxoiq_http.access import PUBLIC, acting_user, own_feedback
from utxoiq_http.answer import Answer
from utxoiq_http.endpoints import pages
from utxoiq_http.links import LINK
from utxoiq_http.routes import Call, Route
from utxoiq_persistence.records import Comment, CommentsQuery, Flag, Name, Rating, UserFeedbackQuery
from utxoiq_persistence.store import Store

PATH = "/api/v1/feedback"
READ = "feedback:read"
WRITE = "feedback:write"


class StatsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    insight_id: Name


async def rate(store: Store, call: Call[None, Rating]) -> Answer:
    """Rate an insight, with or without a comment. A second rating replaces the first."""
    row = await store.feedback.rate(call.body, acting_user(call.caller, call.body.user_id))
    return answer.of_json(200, row.body)


async def comment(store: Store, call: Call[None, Comment]) -> Answer:
    """Comment on an insight. A second comment replaces the first."""
    row = await store.feedback.comment(call.body, acting_user(call.caller, call.body.user_id))
    return answer.of_json(200, row.body)


async def flag(store: Store, call: Call[None, Flag]) -> Answer:
    """Flag an insight as inaccurate, misleading or spam. A second flag replaces the first."""
    row = await store.feedback.flag(call.body, acting_user(call.caller, call.body.user_id))
    return answer.of_json(200, row.body)


async def stats(store: Store, call: Call[StatsQuery, None]) -> Answer:
    """Statistics of an insight; of one that nobody has spoken of, all zero."""
    statistics = await store.feedback.stats(call.parameters.insight_id)
    return answer.of_json(200, statistics.body)


async def comments(store: Store, call: Call[CommentsQuery, None]) -> Answer:
    """Comments on an insight, newest first."""
    pages.check(call.parameters)
    return pages.of_page(call, await store.feedback.comments(call.parameters))


async def of_user(store: Store, call: Call[UserFeedbackQuery, None]) -> Answer:
    """Everything that one user said of insights, newest first. start_time and end_time bound created_at."""
    user_id = acting_user(call.caller, call.parameters.user_id)
    pages.check(call.parameters)
    return pages.of_page(call, await store.feedback.find_by_user(call.parameters, user_id))


ROUTES = (
    Route(
        method="POST",
        path=f"{PATH}/rate",
        handler=rate,
        access=own_feedback(WRITE),
        body=Rating,
        answer=views.FeedbackRow,
        example={"insight_id": "insight-1", "rating": 4, "comment": "Saw it in my own node first."},
    ),
    Route(
        method="POST",
        path=f"{PATH}/comment",
        handler=comment,
        access=own_feedback(WRITE),
        body=Comment,
        answer=views.FeedbackRow,
        example={"insight_id": "insight-1", "comment": "The inflow was an exchange's own."},
    ),
    Route(
        method="POST",
        path=f"{PATH}/flag",
        handler=flag,
        access=own_feedback(WRITE),
        body=Flag,
        answer=views.FeedbackRow,
        example={"insight_id": "insight-1", "flag_type": "inaccurate", "flag_reason": "Wrong block height."},
    ),
    Route(
        method="GET",
        path=f"{PATH}/stats",
        handler=stats,
        access=PUBLIC,
        parameters=StatsQuery,
        answer=views.Stats,
    ),
    Route(
        method="GET",
        path=f"{PATH}/comments",
        handler=comments,
        access=PUBLIC,
        parameters=CommentsQuery,
        answer=views.CommentPage,
        answer_headers=(LINK,),
        problems=(400,),
    ),
    Route(
        method="GET",
        path=f"{PATH}/user",
        handler=of_user,
        access=own_feedback(READ),
        parameters=UserFeedbackQuery,
        answer=views.UserFeedbackPage,
        answer_headers=(LINK,),
        problems=(400,),
    ),
)
