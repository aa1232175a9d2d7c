"""The pool, and work on it from asyncio: statements on the loop, what blocks in threads, retried where that is safe."""

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar, cast

from pg8000.exceptions import DatabaseError, InterfaceError

from utxoiq_persistence import futures
from utxoiq_persistence.config import DatabaseSettings
from utxoiq_persistence.errors import DatabaseUnavailable, PoolExhausted, RuleBroken
from utxoiq_persistence.figures import Histogram, PoolFigures, QueryFigures
from utxoiq_persistence.postgres.session import OUTDATED, Row, Session
from utxoiq_persistence.postgres.statements import Statement
from utxoiq_persistence.sqlstates import is_fatal, is_moved_partition, state_of
from utxoiq_persistence.tracing import spans as tracing

T = TypeVar("T")
Work = Callable[[Session], T]

ATTEMPTS = 4
FIRST_BACKOFF = 0.05
# Connections beyond the pool's size are for work that lasts: opening one costs more than a short wait.
OVERFLOW_PATIENCE = 0.02
# For the same reason they are kept a while: load that needed them a moment ago needs them again.
OVERFLOW_REST = 5.0
# Rolled back by PostgreSQL for another transaction's sake: the same may well succeed now.
ROLLED_BACK = {"40001", "40P01"}
# Ended by an operator, crashed, starting up; read-only, as a server is that gives way to another.
AWAY = {"57P01", "57P02", "57P03", "25006"}
# Whole classes: connection exceptions; out of connections, memory or disk.
AWAY_CLASSES = {"08", "53"}
TIMED_OUT = "57014"
# Values out of range, constraints.
REFUSED_CLASSES = {"22", "23"}


class Database:
    """Up to pool_size connections are kept, up to pool_overflow more opened, for a while, for those who have waited.

    Used on one event loop. Every method raises DatabaseUnavailable where the database is away.

    beside: another one, with which this one counts queries, and waits for a connection.
    """

    def __init__(
        self, settings: DatabaseSettings, connect: Callable[[], Session], beside: "Database | None" = None
    ) -> None:
        self.queries: dict[str, QueryFigures] = {} if beside is None else beside.queries
        self.checkouts: Histogram = Histogram() if beside is None else beside.checkouts
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
        self._threads = ThreadPoolExecutor(self._capacity, thread_name_prefix="database")

    async def fetch(self, statement: Statement, *, idempotent: bool = False, **parameters: object) -> list[Row]:
        """One statement, in a transaction of its own without BEGIN and COMMIT.

        idempotent: running it twice does no harm, so it is run again even where the first run's fate is unknown.
        """
        return await self._tried(lambda: self._fetch(statement, parameters), idempotent)

    async def work(self, name: str, work: Work[T], *, idempotent: bool = False) -> T:
        """Blocking work on one session, in a thread; name is what the figures call it."""

        async def attempt() -> T:
            asked = time.perf_counter()
            return await self._in_thread(await self._reserve(), name, work, asked)

        trying = self._tried(attempt, idempotent)
        if (span := tracing.current()) is not None:
            trying = span.around(name, trying)
        return await trying

    def pool(self) -> PoolFigures:
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
        """Waits for work that runs, then closes every connection."""
        self._closed = True
        if self._on_loop:
            await asyncio.wait(self._on_loop)
        await asyncio.to_thread(self._threads.shutdown)
        if self._reaper is not None:
            self._reaper.cancel()
        for session in self._idle:
            session.close()
        self._idle.clear()

    async def _tried(self, attempt: Callable[[], Awaitable[T]], idempotent: bool) -> T:
        for number in range(1, ATTEMPTS + 1):
            try:
                return await attempt()
            except _Retry as retry:
                if number == ATTEMPTS or (retry.outcome_unknown and not idempotent):
                    raise retry.as_unavailable() from retry.__cause__
            await asyncio.sleep(FIRST_BACKOFF * 2 ** (number - 1) * random.uniform(0.5, 1.5))  # noqa: S311
        raise AssertionError("the last attempt returns or raises")

    async def _fetch(self, statement: Statement, parameters: Mapping[str, object]) -> list[Row]:
        """On the loop where the session at hand has the statement prepared, else in a thread, which prepares it."""
        asked = time.perf_counter()
        session = await self._reserve()
        try:
            on_loop = session is not None and self._runs_on_loop(session, statement, parameters)
        except BaseException:
            self._release(session)
            raise
        if session is None or not on_loop:
            return await self._in_thread(
                session, statement.name, lambda session: session.run(statement, **parameters), asked
            )
        answer: asyncio.Future[list[Row]] = asyncio.get_running_loop().create_future()
        if (span := tracing.current()) is not None:
            span.follow(answer, statement.name, tracing.of_statement(statement.name, statement.text), remote=True)
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

    async def _in_thread(self, session: Session | None, name: str, work: Work[T], asked: float) -> T:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        try:
            if session is not None:
                session.leave_loop()
            run = self._run if tracing.current() is None else tracing.carried(self._run)
            self._threads.submit(run, loop, answer, session, name, work, asked)
        except RuntimeError:
            self._release(session)
            raise DatabaseUnavailable("this instance is shutting down; try again") from None
        except BaseException:
            if session is not None:
                session.broken = True  # nobody knows what state its link is in
            self._release(session)
            raise
        return await _answered(answer)

    async def _reserve(self) -> Session | None:
        """A place, with an idle session if there is one."""
        if self._busy < self._settings.pool_size:
            return self._take()
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Session | None] = loop.create_future()
        self._waiters.append(waiter)
        if (span := tracing.current()) is not None:
            span.follow(waiter, "pool wait")
        patience = loop.call_later(OVERFLOW_PATIENCE, self._overflow, waiter)
        try:
            async with asyncio.timeout(self._settings.pool_timeout):
                return await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled():
                self._release(waiter.result())  # the place came at the moment that the wait was given up
            if not isinstance(error, TimeoutError):
                raise
            self._timeouts += 1
            self.checkouts.add(self._settings.pool_timeout)
            raise PoolExhausted(
                f"every database connection stayed in use for {self._settings.pool_timeout:g} s; try again"
            ) from None
        finally:
            patience.cancel()

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
        try:
            if (span := tracing.current()) is None:
                return self._connect()
            with span.within("connect", remote=True):
                return self._connect()
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
        return not session.broken and time.monotonic() - session.opened < self._settings.pool_recycle

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

    def _release(self, session: Session | None) -> None:
        """The place, and the session if it is sound, go to whoever waits longest; else they are free again."""
        if session is not None and session.broken:
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
        """Closes idle overflow connections, those first that have been idle longest."""
        self._reaper = None
        while self._idle and self._surplus() > 0:
            self._idle.pop(0).close()


async def in_time(work: Coroutine[Any, Any, T], seconds: float) -> T:
    """For those who cannot wait: what has begun then goes on to its end by itself, what has no connection is given up.

    Raises DatabaseUnavailable.
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
    """Another attempt may succeed; outcome_unknown where this one may have been applied."""

    def __init__(self, message: str, *, outcome_unknown: bool) -> None:
        super().__init__(message)
        self.outcome_unknown = outcome_unknown

    def as_unavailable(self) -> DatabaseUnavailable:
        doubt = "; whether the change was made is not known" if self.outcome_unknown else ""
        return DatabaseUnavailable(f"{self}{doubt}; try again", outcome_unknown=self.outcome_unknown)


def _classified(error: BaseException, session: Session | None) -> BaseException:
    """What a failure means for the caller, with the failure as its cause."""
    meaning: Exception
    if isinstance(error, DatabaseError):
        meaning = _of_state(error)
    elif isinstance(error, (OSError, InterfaceError)) and session is not None:
        meaning = _Retry("the connection to the database was lost", outcome_unknown=True)
    else:
        return error
    meaning.__cause__ = error
    return meaning


def _of_state(error: Exception) -> Exception:
    state = state_of(error)
    if state in ROLLED_BACK:
        return _Retry("the database was too busy with the same rows", outcome_unknown=False)
    if state in OUTDATED or is_moved_partition(error):
        return _Retry("the database's schema has just changed", outcome_unknown=False)
    if state == TIMED_OUT:
        return DatabaseUnavailable("the database took too long; try again, or ask for less")
    if state in AWAY or state[:2] in AWAY_CLASSES:
        return _Retry("the database is not available", outcome_unknown=is_fatal(error))
    if state[:2] in REFUSED_CLASSES:
        return RuleBroken("the database refused a value that is out of range")
    return error


async def _answered(answer: "asyncio.Future[T]") -> T:
    """Once work has begun it is waited for, so that whoever is cancelled still leaves a known state behind."""
    try:
        return await asyncio.shield(answer)
    except asyncio.CancelledError:
        await _ended(answer)
        raise


async def _ended(answer: "asyncio.Future[T]") -> None:
    """Waits for the end however often it is cancelled; whoever asked has gone, and no error is theirs any more."""
    while not answer.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([answer])
    answer.exception()
