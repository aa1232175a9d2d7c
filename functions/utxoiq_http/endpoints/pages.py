"""Pages of a list, each with a link to the next one."""

from typing import TypeVar

from utxoiq_http import answer, links
from utxoiq_http.answer import Answer
from utxoiq_http.problems import Problem
from utxoiq_http.routes import Call
from utxoiq_persistence.records import (
    ApiKeyQuery,
    AuditQuery,
    CommentsQuery,
    ExportQuery,
    JobQuery,
    MetricsQuery,
    Page,
    UserFeedbackQuery,
)

ListQuery = TypeVar("ListQuery", ApiKeyQuery, AuditQuery, CommentsQuery, JobQuery, MetricsQuery, UserFeedbackQuery)
PagedQuery = TypeVar(
    "PagedQuery", ApiKeyQuery, AuditQuery, CommentsQuery, ExportQuery, JobQuery, MetricsQuery, UserFeedbackQuery
)


def check_start(query: ListQuery) -> None:
    """Raise Problem 400 if the query has both a cursor and an offset."""
    if query.cursor is not None and query.offset:
        raise Problem(400, "cursor and offset cannot be combined: the cursor already defines where the page starts")


def answer_page(call: Call[PagedQuery, None], page: Page) -> Answer:
    """Return the response with a page, and with a Link header to the next page if there is one."""
    if page.next_cursor is None:
        return answer.from_json(200, page.body)
    return answer.from_json(200, page.body, links.next_page(call.path, call.parameters, page.next_cursor))
