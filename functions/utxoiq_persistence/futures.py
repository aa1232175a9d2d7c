"""Futures that others wait for: each gets an answer whatever happens, and no failure is left that nobody looks at."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any, TypeVar

T = TypeVar("T")

_log = logging.getLogger(__name__)


def answer(future: "asyncio.Future[T]", result: T) -> None:
    """Give whoever still waits the result."""
    if not future.done():
        future.set_result(result)


def fail(futures: "Iterable[asyncio.Future[Any]]", error: BaseException) -> None:
    """Give all who still wait the error."""
    if isinstance(error, StopIteration):  # which no future takes
        failure = RuntimeError("work ended with StopIteration")
        failure.__cause__ = error
        error = failure
    for future in futures:
        if not future.done():
            future.set_exception(error)


def was_cut_off(task: "asyncio.Task[Any]") -> bool:
    """Return whether a task was cancelled, perhaps before it began, or failed, which is logged."""
    if task.cancelled():
        return True
    failure = task.exception()
    if failure is not None:
        _log.error("%s failed", task.get_coro(), exc_info=failure)
    return failure is not None


def retrieve(future: "asyncio.Future[Any]") -> None:
    """Take note of a failure. As a done callback: if all who asked have gone, the failure is nobody's."""
    if not future.cancelled():
        future.exception()
