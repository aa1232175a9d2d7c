"""Spans, for those who know what a request waits for.

What is not traced has no span, and to find that out is all that a hook costs:

    if (span := tracing.current()) is not None:
        span.follow(answer, "pool wait", {})

OpenTelemetry is behind this, in `telemetry`, which is imported only where requests are traced at all.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import partial
from typing import Any, ParamSpec, TypeAlias, TypeVar

from msgspec import Struct

P = ParamSpec("P")
T = TypeVar("T")
Attributes: TypeAlias = Mapping[str, str | int | bool]

NONE: Attributes = {}


class TraceContext(Struct, frozen=True):
    """A span as other processes and logs know it. Ids are hexadecimal; span is empty where only the trace is known.

    sampled: whether it is kept, as far as its process knows. state: as W3C's `tracestate`.
    """

    trace: str
    span: str
    sampled: bool
    state: str = ""


class Span(ABC):
    """One under way. Its children may be begun and ended in other threads."""

    @abstractmethod
    def child(self, name: str, attributes: Attributes = NONE, *, remote: bool = False) -> "Span":
        """remote: it waits for another process' answer."""

    @abstractmethod
    def note(self, key: str, value: str | int) -> None: ...

    @abstractmethod
    def end(self, error: BaseException | None = None) -> None: ...

    def point(self, name: str, attributes: Attributes = NONE) -> None:
        """What took no time worth telling."""
        self.child(name, attributes).end()

    def follow(
        self, future: "asyncio.Future[Any]", name: str, attributes: Attributes = NONE, *, remote: bool = False
    ) -> None:
        """From now until the future is done."""
        future.add_done_callback(self.child(name, attributes, remote=remote)._settled)

    @contextmanager
    def within(self, name: str, attributes: Attributes = NONE, *, remote: bool = False) -> Iterator["Span"]:
        """What happens in the block is in a child, which is the current one there."""
        child = self.child(name, attributes, remote=remote)
        before = _current.set(child)
        try:
            yield child
        except BaseException as error:
            child.end(error)
            raise
        else:
            child.end()
        finally:
            _current.reset(before)

    async def around(self, name: str, work: Coroutine[Any, Any, T], attributes: Attributes = NONE) -> T:
        with self.within(name, attributes):
            return await work

    def _settled(self, future: "asyncio.Future[Any]") -> None:
        self.end(asyncio.CancelledError() if future.cancelled() else future.exception())


_current: ContextVar[Span | None] = ContextVar("span", default=None)
# The span that what is done here belongs to; None where that is not traced.
current = _current.get


def enter(span: Span | None) -> None:
    """From here on in this task, and in what it begins."""
    _current.set(span)


def carried(function: Callable[P, T]) -> Callable[P, T]:
    """For another thread, to which the current span does not go by itself."""
    return partial(copy_context().run, function)


def of_statement(name: str, command: str) -> Attributes:
    """By OpenTelemetry's conventions for databases. The text is in sql/ under its name; no parameters."""
    return {
        "db.system.name": "postgresql",
        "db.operation.name": command.split(None, 1)[0].upper(),
        "db.query.summary": name,
    }


def of_script(name: str) -> Attributes:
    return {"db.system.name": "redis", "db.operation.name": "EVALSHA", "db.stored_procedure.name": name}
