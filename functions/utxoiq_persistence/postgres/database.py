"""The connection pool. Statements run on the event loop, blocking work in threads; both are retried where safe."""

import asyncio
import contextlib
import random
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar, cast

from pg8000.exceptions import DatabaseError, InterfaceError

from utxoiq_persistence import deadlines, futures
from utxoiq_persistence.config import DatabaseSettings
from utxoiq_persistence.errors import (
    ConfigurationError,
    DatabaseUnavailable,
    PersistenceError,
    PoolExhausted,
    RuleBroken,
)
from utxoiq_persistence.figures import Histogram, PoolFigures, QueryFigures
from utxoiq_persistence.postgres.exchange import SUSPICION_SECONDS
from utxoiq_persistence.postgres.fence import END_BACKEND, Backend, Overdue
from utxoiq_persistence.postgres.presence import Presence
from utxoiq_persistence.postgres.session import OUTDATED, Row, Session
from utxoiq_persistence.postgres.statements import Statement
from utxoiq_persistence.sqlstates import (
    DEADLOCK_DETECTED,
    is_fatal,
    is_moved_partition,
    is_role_error,
    is_server_error,
    read_sqlstate,
)
from utxoiq_persistence.tracing import spans as tracing

T = TypeVar("T")
Work = Callable[[Session], T]

ATTEMPTS = 4
FIRST_BACKOFF = 0.05
# How long a caller waits, in seconds, before a connection beyond the pool's size is opened: opening one costs more
# than a short wait.
OVERFLOW_PATIENCE = 0.02
# How long such a connection is kept idle, in seconds: load that needed it a moment ago is likely to need it again.
OVERFLOW_REST = 5.0
# PostgreSQL rolled the transaction back in favour of another one. The same transaction may succeed now.
ROLLED_BACK = {"40001", DEADLOCK_DETECTED}
# How long it may take to learn whether a change whose answer never came can still be made, in seconds.
CERTAINTY_SECONDS = 2.0
TIMED_OUT = "57014"
# These are whole classes: values out of range, and violated constraints.
REFUSED_CLASSES = {"22", "23"}
DOUBT = "whether the change was made is not known"


class Database:
    """Runs work on a pool of connections.

    The pool keeps up to pool_size connections. It opens up to pool_overflow more for callers that have waited, and
    closes those after a while. A database belongs to one event loop. Its methods raise DatabaseUnavailable where the
    database cannot be reached, and PoolExhausted where no connection became free in time.

    Attributes:
        queries: Figures by the name of a statement or of work.
        checkouts: How long callers waited for a usable connection.
        opened: How many connections were opened so far.
    """

    def __init__(
        self, settings: DatabaseSettings, connect: Callable[[], Session], beside: "Database | None" = None
    ) -> None:
        """Open no connection yet.

        Args:
            settings: The sizes and times of the pool.
            connect: Opens a session; blocks.
            beside: Another database, whose `queries` and `checkouts` this one adds to.
        """
        self.queries: dict[str, QueryFigures] = {} if beside is None else beside.queries
        self.checkouts: Histogram = Histogram() if beside is None else beside.checkouts
        self.opened = 0
        self._settings = settings
        self._connect = connect
        self._capacity = settings.pool_size + settings.pool_overflow
        self._idle: list[Session] = []
        self._busy = 0
        self._waiters: deque[asyncio.Future[Session | None]] = deque()
        self._timeouts = 0
        self._reaper: asyncio.TimerHandle | None = None
        self._on_loop: set[asyncio.Future[list[Row]]] = set()
        self._closed = False
        # Sessions that were opened before are not used again.
        self._opened_since = float("-inf")
        self._presence = Presence(connect, self._lose_hope)
        self._threads = ThreadPoolExecutor(self._capacity, thread_name_prefix="database")

    async def fetch(self, statement: Statement, *, idempotent: bool = False, **parameters: object) -> list[Row]:
        """Run one statement in a transaction of its own, without BEGIN and COMMIT, and return its rows.

        Args:
            statement: The statement.
            idempotent: Whether running it twice, or late, is harmless, as it is for one that only reads. It is then run
                again even where the outcome of the first run is unknown; one that is not goes behind a fence.
            parameters: The statement's parameters by name.

        Raises:
            DatabaseUnavailable: The database cannot be reached or took too long.
            RuleBroken: The database refused a value.
        """
        return await self._tried(
            lambda deadline: self._fetch(statement, parameters, deadline, fenced=not idempotent), idempotent
        )

    async def work(self, name: str, work: Work[T], *, idempotent: bool = False) -> T:
        """Run blocking work on one session in a thread, and return its result.

        Args:
            name: What metrics and traces call the work.
            work: The work, which gets the session. Its statements and commits go behind fences.
            idempotent: Whether running it twice is harmless.

        Raises:
            DatabaseUnavailable: The database cannot be reached or took too long.
            RuleBroken: The database refused a value.
        """

        async def attempt(deadline: float | None) -> T:
            asked = time.perf_counter()
            return await self._in_thread(await self._reserve(deadline), name, work, asked, deadline, fenced=True)

        trying = self._tried(attempt, idempotent)
        if (span := tracing.current()) is not None:
            trying = span.around(name, trying)
        return await trying

    def pool(self) -> PoolFigures:
        """Return how full the pool is now."""
        return PoolFigures(
            size=self._settings.pool_size,
            max_overflow=self._settings.pool_overflow,
            checked_in=len(self._idle),
            checked_out=self._busy,
            overflow=max(0, self._surplus()),
            waiting=sum(not waiter.done() for waiter in self._waiters),
            timeouts=self._timeouts,
        )

    async def close(self) -> None:
        """Wait for running work, then close every connection."""
        self._closed = True
        if self._on_loop:
            await asyncio.wait(self._on_loop)
        await self._presence.close()
        await asyncio.to_thread(self._threads.shutdown)
        if self._reaper is not None:
            self._reaper.cancel()
        for session in self._idle:
            session.close()
        self._idle.clear()

    async def _tried(self, attempt: Callable[[float | None], Awaitable[T]], idempotent: bool) -> T:
        """Try until the deadline. What is raised at last carries the doubt that any of the attempts has left."""
        deadline = deadlines.current()
        doubts: list[_Retry] = []
        for number in range(1, ATTEMPTS + 1):
            try:
                return await attempt(deadline)
            except _Retry as retry:
                if retry.outcome_unknown:
                    doubts.append(retry)
                out_of_time = deadline is not None and deadline <= time.monotonic()
                if number == ATTEMPTS or out_of_time or (retry.outcome_unknown and not idempotent):
                    over = not doubts or await self._is_over(doubts)
                    raise _unavailable(retry, bool(doubts), over) from retry.__cause__
            except (PersistenceError, DatabaseError) as error:
                if not doubts:
                    raise
                raise _unavailable(error, True, await self._is_over(doubts)) from error
            await asyncio.sleep(FIRST_BACKOFF * 2 ** (number - 1) * random.uniform(0.5, 1.5))  # noqa: S311
        raise AssertionError("the last attempt returns or raises")

    async def _is_over(self, doubts: Sequence["_Retry"]) -> bool:
        """Return whether none of these attempts can make its change any more, since its process of the server ended."""
        fenced = [doubt for doubt in doubts if doubt.fenced]
        return all([doubt.backend is not None and await self._ended(doubt.backend, doubt.last) for doubt in fenced])

    async def _ended(self, backend: Backend, last: float) -> bool:
        """End a process of the server, and return whether it has ended. `last` is when it can begin no change."""
        until = max(last, time.monotonic() + CERTAINTY_SECONDS)
        while (left := until - time.monotonic()) > 0:
            asking = self._fetch(END_BACKEND, {"pid": backend.pid, "started": backend.started}, until, fenced=False)
            try:
                ((running,),) = await in_time(asking, min(left, CERTAINTY_SECONDS))
                if not running:
                    return True
            except (_Retry, PersistenceError, DatabaseError):
                await asyncio.sleep(FIRST_BACKOFF)
        return False

    async def _fetch(
        self, statement: Statement, parameters: Mapping[str, object], deadline: float | None, *, fenced: bool
    ) -> list[Row]:
        """Run on the loop where the session has the statement prepared, else in a thread, which prepares it."""
        asked = time.perf_counter()
        session = await self._reserve(deadline)
        try:
            if session is not None:
                session.bound(deadline, fenced=fenced, suspect=self._presence.doubt)
            on_loop = session is not None and self._runs_on_loop(session, statement, parameters)
        except BaseException:
            self._release(session)
            raise
        if session is None or not on_loop:
            return await self._in_thread(
                session,
                statement.name,
                lambda session: session.run(statement, **parameters),
                asked,
                deadline,
                fenced=fenced,
            )
        answer: asyncio.Future[list[Row]] = asyncio.get_running_loop().create_future()
        if (span := tracing.current()) is not None:
            span.follow(answer, statement.name, tracing.describe_statement(statement.name, statement.text), remote=True)
        started = time.perf_counter()

        def done(rows: list[Row] | None, error: Exception | None) -> None:
            meaning = None if error is None else _classified(error, session)
            elapsed = time.perf_counter() - started
            self._finish(answer, session, statement.name, started - asked, elapsed, rows, meaning)

        try:
            session.start(statement, parameters, done)
        except Exception as error:
            session.broken = True
            done(None, error)
        self._on_loop.add(answer)
        answer.add_done_callback(self._on_loop.discard)
        return await _answered(answer)

    async def _in_thread(
        self,
        session: Session | None,
        name: str,
        work: Work[T],
        asked: float,
        deadline: float | None,
        *,
        fenced: bool,
    ) -> T:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        begun = threading.Lock()
        try:
            if session is not None:
                session.leave_loop()
            run = self._run if tracing.current() is None else tracing.carried(self._run)
            bounds = partial(Session.bound, deadline=deadline, fenced=fenced)
            self._threads.submit(run, loop, answer, session, name, _bounded(work, bounds, begun), asked)
        except RuntimeError:
            self._release(session)
            raise DatabaseUnavailable("this instance is shutting down; try again") from None
        except BaseException:
            if session is not None:
                session.broken = True  # nobody knows what state its link is in
            self._release(session)
            raise
        return await _answered_in_time(answer, deadline, begun)

    async def _reserve(self, deadline: float | None) -> Session | None:
        """Wait for a place in the pool, and return its idle session if there is one."""
        if self._presence.is_silent:
            raise _silent()
        patience_left = deadlines.seconds_left(deadline, self._settings.pool_timeout)
        if self._busy < self._settings.pool_size:
            return self._take()
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Session | None] = loop.create_future()
        self._waiters.append(waiter)
        if (span := tracing.current()) is not None:
            span.follow(waiter, "pool wait")
        patience = loop.call_later(OVERFLOW_PATIENCE, self._overflow, waiter)
        suspicion = loop.call_later(SUSPICION_SECONDS, self._presence.doubt)
        try:
            async with asyncio.timeout(patience_left):
                return await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self._release(waiter.result())  # the place came at the moment that the wait was given up
            if not isinstance(error, TimeoutError):
                raise
            self._timeouts += 1
            self.checkouts.add(patience_left)
            raise PoolExhausted(
                f"every database connection stayed in use for {patience_left:.3g} s; try again"
            ) from None
        finally:
            patience.cancel()
            suspicion.cancel()

    def _take(self) -> Session | None:
        self._busy += 1
        return self._idle.pop() if self._idle else None

    def _overflow(self, waiter: "asyncio.Future[Session | None]") -> None:
        """Whoever has waited long enough gets a place beyond the pool's size."""
        if not waiter.done() and self._busy < self._capacity:
            waiter.set_result(self._take())

    def _run(
        self,
        loop: asyncio.AbstractEventLoop,
        answer: "asyncio.Future[T]",
        session: Session | None,
        name: str,
        work: Work[T],
        asked: float,
    ) -> None:
        """In a thread. The session goes back when its work is done, even if nobody waits for the answer any more."""
        started = time.perf_counter()
        result: T | None = None
        error: BaseException | None = None
        try:
            session = self._usable(session)
            started = time.perf_counter()
            result = work(session)
        except BaseException as raised:  # handed to whoever awaits the answer
            error = _classified(raised, session)
        elapsed = time.perf_counter() - started
        loop.call_soon_threadsafe(self._finish, answer, session, name, started - asked, elapsed, result, error)

    def _usable(self, session: Session | None) -> Session:
        if session is not None:
            if self._is_fresh(session) and not session.is_dead():
                return session
            session.close()
        self.opened += 1
        try:
            if (span := tracing.current()) is None:
                return self._connect()
            with span.within("connect", remote=True):
                return self._connect()
        except ConfigurationError as error:
            raise DatabaseUnavailable(str(error)) from error
        except Exception as error:
            raise _Retry("the database cannot be reached", outcome_unknown=False) from error

    def _runs_on_loop(self, session: Session, statement: Statement, parameters: Mapping[str, object]) -> bool:
        return (
            not self._closed
            and self._is_fresh(session)
            and session.has_prepared(statement, parameters)
            and not session.is_dead()
        )

    def _is_fresh(self, session: Session) -> bool:
        age = time.monotonic() - session.opened
        return not session.broken and session.opened >= self._opened_since and age < self._settings.pool_recycle

    def _retire_sessions(self) -> None:
        """Give all sessions up, those in use when their work is done."""
        self._opened_since = time.monotonic()
        idle, self._idle = self._idle, []
        for session in idle:
            session.close()

    def _lose_hope(self) -> None:
        """Refuse those who wait for a session of a server that does not answer."""
        self._retire_sessions()
        waiters, self._waiters = self._waiters, deque()
        futures.fail(waiters, _silent())

    def _finish(
        self,
        answer: "asyncio.Future[T]",
        session: Session | None,
        name: str,
        waited: float,
        elapsed: float,
        result: T | None,
        error: BaseException | None,
    ) -> None:
        try:
            if isinstance(error, _Retry):
                self._draw_conclusions(error)
            self._release(session)
            self.checkouts.add(waited)
            failed = isinstance(error, (_Retry, DatabaseUnavailable, DatabaseError))
            query = self.queries.get(name)
            if query is None:
                query = self.queries[name] = QueryFigures()
            query.add(elapsed, failed)
        finally:
            if error is None:
                futures.answer(answer, cast("T", result))
            else:
                futures.fail([answer], error)

    def _draw_conclusions(self, failure: "_Retry") -> None:
        """Do for all sessions what the failure of one tells of the server."""
        cause = failure.__cause__
        if isinstance(cause, DatabaseError) and is_role_error(cause):
            self._retire_sessions()
        elif _is_timeout(cause):
            self._presence.doubt()

    def _release(self, session: Session | None) -> None:
        """Pass the place, and a session that is not given up, to the caller that has waited longest, or free them."""
        if session is not None and (session.broken or session.opened < self._opened_since):
            self._pass_on(None)
            session.close()
        else:
            self._pass_on(session)

    def _pass_on(self, session: Session | None) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():  # those that are done have a place already, or have given up
                waiter.set_result(session)
                return
        self._busy -= 1
        if session is None:
            return
        self._idle.append(session)
        if self._surplus() > 0 and self._reaper is None:
            self._reaper = asyncio.get_running_loop().call_later(OVERFLOW_REST, self._reap)

    def _surplus(self) -> int:
        return len(self._idle) + self._busy - self._settings.pool_size

    def _reap(self) -> None:
        """Close idle overflow connections, starting with the one that has been idle longest."""
        self._reaper = None
        while self._idle and self._surplus() > 0:
            self._idle.pop(0).close()


async def in_time(work: Coroutine[Any, Any, T], seconds: float) -> T:
    """Return the result of work that takes at most `seconds`.

    After that time, work that has a connection goes on to its end unattended; work that waits for one is cancelled.

    Raises:
        DatabaseUnavailable: The work took longer, or the database cannot be reached.
    """
    task = asyncio.create_task(work)
    task.add_done_callback(futures.retrieve)
    try:
        done, _ = await asyncio.wait([task], timeout=seconds)
        if not done:
            raise DatabaseUnavailable("the database does not answer in time; try again")
        return task.result()
    finally:
        task.cancel()


class _Retry(Exception):
    """Says that another attempt may succeed.

    Attributes:
        outcome_unknown: Whether this one may have been applied.
        fenced: Whether it was a change, which went behind a fence; what only reads may come late.
        backend: The server's process that this one was sent to, if it is known.
        last: Until when that may begin, in seconds of time.monotonic().
    """

    def __init__(self, message: str, *, outcome_unknown: bool, session: Session | None = None) -> None:
        super().__init__(message)
        self.outcome_unknown = outcome_unknown
        self.fenced = session is not None and session.is_fenced
        self.backend = None if session is None else session.backend
        self.last = 0.0 if session is None else session.last_moment


def _silent() -> DatabaseUnavailable:
    return DatabaseUnavailable("the database does not answer; try again")


def _unavailable(error: Exception, doubtful: bool, over: bool) -> DatabaseUnavailable:
    """Return what clients are told of an error: without doubt, the change was not made."""
    text = str(error) if isinstance(error, (_Retry, DatabaseUnavailable)) else "the database refused to try again"
    if doubtful and DOUBT not in text:
        text = f"{text.removesuffix('; try again')}; {DOUBT}; try again"
    elif "try again" not in text:
        text = f"{text}; try again"
    return DatabaseUnavailable(text, outcome_unknown=doubtful, is_over=over)


def _is_timeout(error: BaseException | None) -> bool:
    return isinstance(error, TimeoutError) or (
        isinstance(error, InterfaceError) and isinstance(error.__cause__, TimeoutError)
    )


def _bounded(work: Work[T], bounds: Callable[[Session], None], begun: threading.Lock) -> Work[T]:
    """Return work that is not begun where its caller has given up, which took the lock first."""

    def run(session: Session) -> T:
        if not begun.acquire(blocking=False):
            raise Overdue
        bounds(session)
        return work(session)

    return run


def _classified(error: BaseException, session: Session | None) -> BaseException:
    """Return what a failure means for the caller, with the failure as its cause."""
    meaning: Exception
    if isinstance(error, DatabaseError):
        meaning = _translate_state(error, session)
    elif isinstance(error, Overdue):
        meaning = _Retry("the database was not reached in time", outcome_unknown=False)
    elif isinstance(error, (OSError, InterfaceError)) and session is not None:
        meaning = _Retry("the connection to the database was lost", outcome_unknown=True, session=session)
    else:
        return error
    meaning.__cause__ = error
    return meaning


def _translate_state(error: DatabaseError, session: Session | None) -> Exception:
    state = read_sqlstate(error)
    if state in ROLLED_BACK:
        return _Retry("the database was too busy with the same rows", outcome_unknown=False)
    if state in OUTDATED or is_moved_partition(error):
        return _Retry("the database's schema has just changed", outcome_unknown=False)
    if state == TIMED_OUT:
        return DatabaseUnavailable("the database took too long; try again, or ask for less")
    if is_server_error(error):
        return _Retry("the database is not available", outcome_unknown=is_fatal(error), session=session)
    if state[:2] in REFUSED_CLASSES:
        return RuleBroken("the database refused a value that is out of range")
    return cast("Exception", error)


async def _answered_in_time(answer: "asyncio.Future[T]", deadline: float | None, begun: threading.Lock) -> T:
    """Return the answer; but work that has not begun by the deadline, for want of a connection, never begins."""
    if deadline is not None:
        try:
            await asyncio.wait([answer], timeout=max(0.0, deadline - time.monotonic()))
        except asyncio.CancelledError:
            await _ended(answer)
            raise
        if not answer.done() and begun.acquire(blocking=False):
            answer.add_done_callback(futures.retrieve)
            raise _Retry("the database cannot be reached", outcome_unknown=False)
    return await _answered(answer)


async def _answered(answer: "asyncio.Future[T]") -> T:
    """Return the answer. A cancelled caller waits for work that has begun too, so that it leaves a known state."""
    try:
        return await asyncio.shield(answer)
    except asyncio.CancelledError:
        await _ended(answer)
        raise


async def _ended(answer: "asyncio.Future[T]") -> None:
    """Wait for the end however often it is cancelled, and drop the error, since the caller has gone."""
    while not answer.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([answer])
    answer.exception()
