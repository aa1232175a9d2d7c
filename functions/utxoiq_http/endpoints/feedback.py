"""The feedback endpoints: rate, comment on, flag and read insights' feedback, and export and erase users."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from msgspec import Struct

from utxoiq_http import answer
from utxoiq_http import answers as views
from utxoiq_http.access import PUBLIC, allow_users_and_scope, resolve_user
from utxoiq_http.answer import Answer
from utxoiq_http.app import App
from utxoiq_http.endpoints import pages
from utxoiq_http.links import LINK
from utxoiq_http.problems import Problem
from utxoiq_http.routes import Call, Route
from utxoiq_http.serving import create_app
from utxoiq_persistence.archive.bucket import ArchiveBucket, ArchiveUnavailable, ArchiveUnreadable
from utxoiq_persistence.config import required
from utxoiq_persistence.feedback import Feedback
from utxoiq_persistence.privacy import erasure
from utxoiq_persistence.privacy.exports import Exports
from utxoiq_persistence.records import (
    Clearing,
    Comment,
    CommentsQuery,
    ErasureQuery,
    ExportQuery,
    Flag,
    Name,
    Rating,
    UserFeedbackQuery,
)
from utxoiq_persistence.store import Store

PATH = "/api/v1/feedback"
READ = "feedback:read"
WRITE = "feedback:write"
ADMIN = "admin"
RETRY_SECONDS = 30


class StatsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Names the insight whose statistics are requested."""

    insight_id: Name


@dataclass(frozen=True)
class FeedbackService:
    """Combines what the feedback endpoints work on: the store, and exports of users, which read the archive too."""

    store: Store
    exports: Exports

    @property
    def feedback(self) -> Feedback:
        """Return the feedback of the store."""
        return self.store.feedback

    async def parts(self) -> Mapping[str, str]:
        """Return the state of each part that the function depends on, `ok` or `away`, by its name."""
        return await self.store.parts()


async def rate_insight(service: FeedbackService, call: Call[None, Rating]) -> Answer:
    """Rate an insight, with or without a comment. A second rating by the same user replaces the first."""
    row = await service.feedback.rate(call.body, resolve_user(call.caller, call.body.user_id))
    return answer.from_json(200, row.body)


async def comment_on_insight(service: FeedbackService, call: Call[None, Comment]) -> Answer:
    """Comment on an insight. A second comment by the same user replaces the first."""
    row = await service.feedback.comment(call.body, resolve_user(call.caller, call.body.user_id))
    return answer.from_json(200, row.body)


async def flag_insight(service: FeedbackService, call: Call[None, Flag]) -> Answer:
    """Flag an insight as inaccurate, misleading or spam. A second flag by the same user replaces the first."""
    row = await service.feedback.flag(call.body, resolve_user(call.caller, call.body.user_id))
    return answer.from_json(200, row.body)


async def get_feedback_statistics(service: FeedbackService, call: Call[StatsQuery, None]) -> Answer:
    """Get the feedback statistics of an insight. All counts are 0 if it has no feedback."""
    statistics = await service.feedback.stats(call.parameters.insight_id)
    return answer.from_json(200, statistics.body)


async def list_comments(service: FeedbackService, call: Call[CommentsQuery, None]) -> Answer:
    """List the comments on an insight, newest first."""
    pages.check_start(call.parameters)
    return pages.answer_page(call, await service.feedback.comments(call.parameters))


async def list_user_feedback(service: FeedbackService, call: Call[UserFeedbackQuery, None]) -> Answer:
    """List all feedback of a user, newest first. start_time and end_time limit created_at."""
    user_id = resolve_user(call.caller, call.parameters.user_id)
    pages.check_start(call.parameters)
    return pages.answer_page(call, await service.feedback.find_by_user(call.parameters, user_id))


async def clear_feedback(service: FeedbackService, call: Call[Clearing, None]) -> Answer:
    """Clear a user's rating of, comment on or flag of an insight, or all three. Answers 204 if nothing is left.

    Feedback that is archived already stays there until its user is erased.
    """
    user_id = resolve_user(call.caller, call.parameters.user_id)
    row = await service.feedback.clear(call.parameters, user_id)
    return answer.empty() if row is None else answer.from_json(200, row.body)


async def export_user(service: FeedbackService, call: Call[ExportQuery, None]) -> Answer:
    """Export everything that is held of a user: feedback, archived feedback and the audit trail, oldest first.

    What does not fit into one answer follows behind its Link. `missing_objects` counts objects of the archive that
    have expired.
    """
    user_id = resolve_user(call.caller, call.parameters.user_id)
    with _refusals():
        page = await service.exports.export(user_id, call.parameters.cursor)
    return pages.answer_page(call, page)


async def erase_user(service: FeedbackService, call: Call[ErasureQuery, None]) -> Answer:
    """Erase a user: feedback with its statistics, the name in the audit trail, and what can be read in the archive.

    It cannot be undone. Erasing once more changes nothing.
    """
    user_id = resolve_user(call.caller, call.parameters.user_id)
    erased = await erasure.erase(service.store.database, service.feedback, user_id)
    return answer.from_value(
        200,
        views.Erasure(
            views.ErasedInDatabase(erased.feedback, erased.audit_entries),
            views.ErasedInArchive(erased.archived_days, erased.objects_in_clear),
        ),
    )


@contextmanager
def _refusals() -> Iterator[None]:
    """Raise a Problem for each failure of the archive."""
    try:
        yield
    except ArchiveUnavailable as error:
        raise Problem(503, str(error), headers=[(b"retry-after", b"%d" % RETRY_SECONDS)]) from error
    except ArchiveUnreadable as error:
        raise Problem(502, str(error)) from error


def create_feedback_app(environment: Mapping[str, str]) -> App[FeedbackService]:
    """Return the app of the feedback function. Raises ConfigurationError, which names the wrong variable."""
    project = required(environment, "GOOGLE_CLOUD_PROJECT")
    bucket = required(environment, "ARCHIVE_BUCKET")

    def create_service(store: Store) -> FeedbackService:
        return FeedbackService(store, Exports(store.database, lambda: ArchiveBucket(project, bucket)))

    return create_app("feedback", ROUTES, environment, create_service)


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
        method="DELETE",
        path=PATH,
        handler=clear_feedback,
        access=allow_users_and_scope(WRITE),
        parameters=Clearing,
        answer=views.FeedbackRow,
        may_be_empty=True,
    ),
    Route(
        method="GET",
        path=f"{PATH}/user/export",
        handler=export_user,
        access=allow_users_and_scope(ADMIN),
        parameters=ExportQuery,
        answer=views.UserExport,
        answer_headers=(LINK,),
        problems=(502,),
    ),
    Route(
        method="DELETE",
        path=f"{PATH}/user",
        handler=erase_user,
        access=allow_users_and_scope(ADMIN),
        parameters=ErasureQuery,
        answer=views.Erasure,
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
