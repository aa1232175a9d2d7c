"""A page of a list, with a link to the next one."""

from typing import TypeVar

from utxoiq_http import answer, links
from utxoiq_http.answer import Answer
from utxoiq_http.problems import Problem
from utxoiq_http.routes import Call
from utxoiq_persistence.records import (
    ApiKeyQuery,
    AuditQuery,
    CommentsQuery,
    JobQuery,
    MetricsQuery,
    Page,
    UserFeedbackQuery,
)

ListQuery = TypeVar("ListQuery", ApiKeyQuery, AuditQuery, CommentsQuery, JobQuery, MetricsQuery, UserFeedbackQuery)


def check(query: ListQuery) -> None:
    """Raises Problem 400 for two places to start from."""
    if query.cursor is not None and query.offset:
        raise Problem(400, "cursor and offset exclude each other: a cursor says by itself where the page starts")


def of_page(call: Call[ListQuery, None], page: Page) -> Answer:
    if page.next_cursor is None:
        return answer.of_json(200, page.body)
    return answer.of_json(200, page.body, links.next_page(call.path, call.parameters, page.next_cursor))
