"""The feedback endpoints: rate, comment on and flag insights, and read feedback and its statistics."""

from msgspec import Struct

from utxoiq_http import answer
from utxoiq_http import answers as views
from utxoiq_http.access import PUBLIC, allow_users_and_scope, resolve_user
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
    """Names the insight whose statistics are requested."""

    insight_id: Name


async def rate_insight(store: Store, call: Call[None, Rating]) -> Answer:
    """Rate an insight, with or without a comment. A second rating by the same user replaces the first."""
    row = await store.feedback.rate(call.body, resolve_user(call.caller, call.body.user_id))
    return answer.of_json(200, row.body)


async def comment_on_insight(store: Store, call: Call[None, Comment]) -> Answer:
    """Comment on an insight. A second comment by the same user replaces the first."""
    row = await store.feedback.comment(call.body, resolve_user(call.caller, call.body.user_id))
    return answer.of_json(200, row.body)


async def flag_insight(store: Store, call: Call[None, Flag]) -> Answer:
    """Flag an insight as inaccurate, misleading or spam. A second flag by the same user replaces the first."""
    row = await store.feedback.flag(call.body, resolve_user(call.caller, call.body.user_id))
    return answer.of_json(200, row.body)


async def get_feedback_statistics(store: Store, call: Call[StatsQuery, None]) -> Answer:
    """Get the feedback statistics of an insight. All counts are 0 if it has no feedback."""
    statistics = await store.feedback.stats(call.parameters.insight_id)
    return answer.of_json(200, statistics.body)


async def list_comments(store: Store, call: Call[CommentsQuery, None]) -> Answer:
    """List the comments on an insight, newest first."""
    pages.check_start(call.parameters)
    return pages.answer_page(call, await store.feedback.comments(call.parameters))


async def list_user_feedback(store: Store, call: Call[UserFeedbackQuery, None]) -> Answer:
    """List all feedback of a user, newest first. start_time and end_time limit created_at."""
    user_id = resolve_user(call.caller, call.parameters.user_id)
    pages.check_start(call.parameters)
    return pages.answer_page(call, await store.feedback.find_by_user(call.parameters, user_id))


ROUTES = (
    Route(
        method="POST",
        path=f"{PATH}/rate",
        handler=rate_insight,
        access=allow_users_and_scope(WRITE),
        body=Rating,
        answer=views.FeedbackRow,
        example={"insight_id": "insight-1", "rating": 4, "comment": "Saw it in my own node first."},
    ),
    Route(
        method="POST",
        path=f"{PATH}/comment",
        handler=comment_on_insight,
        access=allow_users_and_scope(WRITE),
        body=Comment,
        answer=views.FeedbackRow,
        example={"insight_id": "insight-1", "comment": "The inflow was an exchange's own."},
    ),
    Route(
        method="POST",
        path=f"{PATH}/flag",
        handler=flag_insight,
        access=allow_users_and_scope(WRITE),
        body=Flag,
        answer=views.FeedbackRow,
        example={"insight_id": "insight-1", "flag_type": "inaccurate", "flag_reason": "Wrong block height."},
    ),
    Route(
        method="GET",
        path=f"{PATH}/stats",
        handler=get_feedback_statistics,
        access=PUBLIC,
        parameters=StatsQuery,
        answer=views.Stats,
    ),
    Route(
        method="GET",
        path=f"{PATH}/comments",
        handler=list_comments,
        access=PUBLIC,
        parameters=CommentsQuery,
        answer=views.CommentPage,
        answer_headers=(LINK,),
        problems=(400,),
    ),
    Route(
        method="GET",
        path=f"{PATH}/user",
        handler=list_user_feedback,
        access=allow_users_and_scope(READ),
        parameters=UserFeedbackQuery,
        answer=views.UserFeedbackPage,
        answer_headers=(LINK,),
        problems=(400,),
    ),
)
