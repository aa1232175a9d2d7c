"""Spans, by which code reports what a request waits for.

A request that is not traced has no span, and the check for one is all that a hook costs:

    if (span := tracing.current()) is not None:
        span.follow(answer, "pool wait", {})

`telemetry` implements spans by OpenTelemetry, and is imported only where requests are traced.
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
    """Identifies a span to other processes and in logs.

    Attributes:
        trace: The trace's id, in hexadecimal digits.
        span: The span's id, in hexadecimal digits; empty where only the trace is known.
        sampled: Whether the span is kept, as far as its process knows.
        state: W3C's `tracestate`.
    """

    trace: str
    span: str
    sampled: bool
    state: str = ""


class Span(ABC):
    """Measures a piece of work that has begun. Its children may start and end in other threads."""

    @abstractmethod
    def child(self, name: str, attributes: Attributes = NONE, *, remote: bool = False) -> "Span":
        """Start a child span, and return it. `remote` says that it waits for another process."""

    @abstractmethod
    def note(self, key: str, value: str | int) -> None:
        """Set an attribute."""

    @abstractmethod
    def end(self, error: BaseException | None = None) -> None:
        """End the span, as failed if there is an error."""

    def point(self, name: str, attributes: Attributes = NONE) -> None:
        """Record an event as a child that starts and ends now."""
        self.child(name, attributes).end()

    def follow(
        self, future: "asyncio.Future[Any]", name: str, attributes: Attributes = NONE, *, remote: bool = False
    ) -> None:
        """Start a child that ends when the future is done."""
        future.add_done_callback(self.child(name, attributes, remote=remote)._end_with)

    @contextmanager
    def within(self, name: str, attributes: Attributes = NONE, *, remote: bool = False) -> Iterator["Span"]:
        """Run the block in a child, which is the current span there."""
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
        """Await the work in a child, and return its result."""
        with self.within(name, attributes):
            return await work

    def _end_with(self, future: "asyncio.Future[Any]") -> None:
        self.end(asyncio.CancelledError() if future.cancelled() else future.exception())


_current: ContextVar[Span | None] = ContextVar("span", default=None)
# Returns the current span, or None where the request is not traced.
current = _current.get


def enter(span: Span | None) -> None:
    """Make the span the current one of this task and its children."""
    _current.set(span)


def carried(function: Callable[P, T]) -> Callable[P, T]:
    """Return the function bound to the current span, for a call in another thread."""
    return partial(copy_context().run, function)


def describe_statement(name: str, command: str) -> Attributes:
    """Return the attributes of a statement by OpenTelemetry's conventions for databases.

    They hold neither its text, which is in sql/ under its name, nor its parameters.
    """
    return {
        "db.system.name": "postgresql",
        "db.operation.name": command.split(None, 1)[0].upper(),
        "db.query.summary": name,
    }


def describe_script(name: str) -> Attributes:
    """Return the attributes of a Redis script by OpenTelemetry's conventions for databases."""
    return {"db.system.name": "redis", "db.operation.name": "EVALSHA", "db.stored_procedure.name": name}
