"""A session: one connection to PostgreSQL and its prepared statements, used in a thread or on the event loop."""

import io
import select
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from pg8000.converters import make_param
from pg8000.core import READY_FOR_QUERY, Context, CoreConnection
from pg8000.exceptions import DatabaseError, InterfaceError

from utxoiq_persistence import deadlines
from utxoiq_persistence.config import DatabaseSettings
from utxoiq_persistence.postgres.binary_copy import ENDING, FRAME_BYTES, count_frames, frame_row, strip_header
from utxoiq_persistence.postgres.connection import opener
from utxoiq_persistence.postgres.exchange import EXECUTE, SYNC, Binary, Exchange, binding, messages
from utxoiq_persistence.postgres.fence import FENCE, IDENTIFY, Backend, Overdue, last_moment
from utxoiq_persistence.postgres.statements import Statement
from utxoiq_persistence.sqlstates import is_server_error, read_sqlstate
from utxoiq_persistence.tracing import spans as tracing

Row = list[Any]

# A silent server must not hold a thread for ever. It is given up so many seconds after the statement timeout.
SILENCE_SECONDS = 5.0
COPY_BLOCK = 2**18
COPY_DATA = b"d"
# A prepared statement no longer fits the schema ("cached plan must not change result type"), or is gone.
OUTDATED = {"0A000", "26000"}
# What PostgreSQL answers to a fence whose moment has passed: a parameter's value is invalid.
_PASSED = "22023"
_COMMIT = Statement("COMMIT", "COMMIT", lambda _: ())


class Session:
    """Runs statements on one connection.

    A statement is prepared at its first use and kept, since parsing costs twice what running does. A session has one
    user at a time. `start` and `leave_loop` are called in the loop's thread; the other methods block.

    Attributes:
        opened: When the session was opened, in seconds of time.monotonic().
        broken: Whether the connection cannot be used again.
        is_fenced: Whether what runs goes behind a fence, as `bound` was told.
        backend: The server's process, known once a statement went behind a fence.
        last_moment: When the last statement behind a fence must have begun and ended, in seconds of time.monotonic().
    """

    def __init__(self, connection: CoreConnection, silence: float, longest: float | None = None) -> None:
        """Take a connection over.

        Args:
            connection: The connection.
            silence: The number of seconds without an answer after which the connection counts as lost.
            longest: The number of seconds that a statement may take; as long as the silence if None.
        """
        self.opened = time.monotonic()
        self.broken = False
        self.backend: Backend | None = None
        self.last_moment = 0.0
        self._connection = connection
        self._silence = silence
        self._longest = silence if longest is None else longest
        self._deadline: float | None = None
        self.is_fenced = False
        self._suspect: Callable[[], None] = lambda: None
        self._prepared: dict[Statement, tuple[bytes, Any, Any]] = {}
        self._exchange: Exchange | None = None
        connection._usock.settimeout(silence)
        self._poll = select.poll()
        self._poll.register(connection._usock, select.POLLIN)

    def bound(self, deadline: float | None, *, fenced: bool, suspect: Callable[[], None] = lambda: None) -> None:
        """Bound what is run next.

        Args:
            deadline: Until when its caller waits, in seconds of time.monotonic(); None for no end.
            fenced: Whether statements and commits must do nothing once their caller waits no more.
            suspect: Is called in the loop's thread where an answer takes suspiciously long.
        """
        self._deadline, self.is_fenced, self._suspect = deadline, fenced, suspect

    def run(self, statement: Statement, **parameters: object) -> list[Row]:
        """Run a statement, and return its rows, decoded.

        Raises:
            DatabaseError: PostgreSQL refused the statement.
            Overdue: The statement came too late, and did nothing.
            OSError: The connection was lost.
            InterfaceError: The connection was lost.
        """
        if (span := tracing.current()) is None:
            return self._run(statement.fitting(parameters), parameters)
        with span.within(statement.name, tracing.describe_statement(statement.name, statement.text), remote=True):
            return self._run(statement.fitting(parameters), parameters)

    def _run(self, statement: Statement, parameters: Mapping[str, object]) -> list[Row]:
        self._be_patient()
        context: Context | None = None
        try:
            if self.is_fenced and self.backend is None:
                self.backend = self._identify()
            self._prepare(statement)
            message, context = self._execution(statement, parameters, fenced=self.is_fenced)
            self._exchange_blocking(message, context)
        except DatabaseError as error:
            self._note_refusal(error)
            if self._was_overdue(error, context):
                raise Overdue from error
            raise
        except BaseException:
            self.broken = True  # lost, or left in the middle of an exchange
            raise
        rows: list[Row] = context.rows
        return rows

    def _prepare(self, statement: Statement) -> None:
        if statement not in self._prepared:
            self._prepared[statement] = self._connection.prepare_statement(statement.text, ())

    def _exchange_blocking(self, message: bytes, context: Context) -> None:
        self._connection._sock.write(message)
        self._connection._sock.flush()
        self._connection.handle_messages(context)

    def _identify(self) -> Backend:
        """Prepare the fence, and learn of the server's process and clock what fences need."""
        self._prepare(FENCE)
        self._prepare(IDENTIFY)
        message, context = self._execution(IDENTIFY, {}, fenced=False)
        self._exchange_blocking(message, context)
        ((pid, started, clock),) = context.rows
        return Backend(pid, started, clock, time.monotonic())

    def has_prepared(self, statement: Statement, parameters: Mapping[str, object]) -> bool:
        """Return whether the statement can run on the event loop, bounded as it is."""
        return statement.fitting(parameters) in self._prepared and (not self.is_fenced or self.backend is not None)

    def start(
        self,
        statement: Statement,
        parameters: Mapping[str, object],
        done: Callable[[list[Row] | None, Exception | None], None],
    ) -> None:
        """Run a prepared statement on the event loop. `done` is called with its rows, or with what `run` raises."""

        def ended(context: Context | None, error: Exception | None) -> None:
            if context is None:
                done(None, error)
            elif context.error is not None:
                self._note_refusal(context.error)
                done(None, Overdue() if self._was_overdue(context.error, context) else context.error)
            else:
                done(context.rows, None)

        patience = self._patience()
        message, context = self._execution(statement.fitting(parameters), parameters, fenced=self.is_fenced)
        if self._exchange is None:
            self._exchange = Exchange(self._connection, self._silence, self._break)
        self._exchange.start(message, context, ended, patience, self._suspect)

    def leave_loop(self) -> None:
        """Take the connection off the event loop, before a thread uses it."""
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.leave()

    def transaction(self) -> "Transaction":
        """Return a transaction, which is a context manager."""
        return Transaction(self)

    def commit(self) -> None:
        """Commit the transaction, if its caller still waits for that. Raises what `run` raises."""
        if not self.is_fenced:
            return self.execute("COMMIT")
        try:
            self.run(_COMMIT)
        except (DatabaseError, Overdue):
            self.broken = True  # the transaction is still open; the server rolls it back as the connection ends
            raise

    def execute(self, text: str) -> None:
        """Run a command without parameters, such as BEGIN. Raises what `run` raises."""
        if (span := tracing.current()) is None:
            return self._execute(text)
        attributes = tracing.describe_statement(text, text)
        with span.within(text.split(None, 1)[0], attributes, remote=True):
            return self._execute(text)

    def _execute(self, text: str) -> None:
        self._be_patient()
        with self._noting_failures():
            self._connection.execute_simple(text)

    def copy_out(self, command: str) -> Iterator[list[bytes]]:
        """Yield the rows that a COPY … TO STDOUT sends, in lists as they come. Raises what `run` raises.

        The session is broken if the caller stops before the end. pg8000 calls a Python function for every row; this
        method takes half the time.
        """
        return self._copy_out(command, self._copied)

    def copy_out_frames(self, command: str, row_bytes: int) -> bytes:
        """Return the rows that a COPY … TO STDOUT (FORMAT binary) sends, each of which takes as many bytes.

        They stay in the frames of the protocol (`binary_copy.FRAME_BYTES` before each row), since nothing is done for
        each of them: that takes a third of the time of `copy_out`. Raises what `run` raises, and InterfaceError for a
        row of another size, as one with a null is.
        """
        frames: list[bytes] = []
        for taken in self._copy_out(command, lambda block, context: self._copied_frames(block, context, row_bytes)):
            frames += taken
        return b"".join(frames)

    def copy_in(self, command: str, blocks: Iterable[bytes]) -> None:
        """Send blocks of rows to a COPY … FROM STDIN. Raises what `run` raises."""
        self._be_patient()
        with self._noting_failures():
            self._connection.execute_unnamed(command, stream=blocks)

    @contextmanager
    def _noting_failures(self) -> Iterator[None]:
        """Note what a failure of the block tells of the session, and raise it."""
        try:
            yield
        except DatabaseError as error:
            self._note_refusal(error)
            raise
        except BaseException:
            self.broken = True
            raise

    def _copy_out(
        self, command: str, take: Callable[[bytes, Context], tuple[list[bytes], bytes, bool]]
    ) -> Iterator[list[bytes]]:
        context = Context(command, stream=io.BytesIO())  # the stream tells pg8000 that rows are wanted
        self._be_patient()
        self.broken = True
        self._connection.send_QUERY(command)
        self._connection._sock.flush()
        rest, ended = b"", False
        while not ended:
            received = self._connection._sock.read1(COPY_BLOCK)
            if not received:
                raise InterfaceError("network error")
            rows, rest, ended = take(rest + received, context)
            if rows:
                yield rows
        self.broken = False
        if context.error is not None:
            self._note_refusal(context.error)
            raise context.error

    def _copied_frames(self, block: bytes, context: Context, row_bytes: int) -> tuple[list[bytes], bytes, bool]:
        """Return the frames of rows in a block, the part of a message at its end, and whether the answer ends in it."""
        taken, ended = [], False
        start = 0
        while not ended:
            end = start + count_frames(block, start, row_bytes) * (FRAME_BYTES + row_bytes)
            taken.append(block[start:end])
            start = end
            message = next(messages(memoryview(block)[start:]), None)
            if message is None:
                break
            code, body, size = message
            start += size
            if code != COPY_DATA:
                self._connection.message_types[code](bytes(body), context)
                ended = code == READY_FOR_QUERY
            elif (row := strip_header(bytes(body))) != ENDING:
                taken.append(frame_row(row, row_bytes))
        return taken, block[start:], ended

    def _copied(self, block: bytes, context: Context) -> tuple[list[bytes], bytes, bool]:
        """Return the rows in a block, the part of a message at its end, and whether the answer ends in the block."""
        rows = []
        taken = 0
        ended = False
        for code, body, end in messages(block):
            if code == COPY_DATA:
                rows.append(body)
            else:
                self._connection.message_types[code](body, context)
                ended = code == READY_FOR_QUERY
            taken = end
        return rows, block[taken:], ended

    def is_dead(self) -> bool:
        """Return whether the server has closed the idle connection: it sends nothing to one otherwise."""
        return bool(self._poll.poll(0))

    def close(self) -> None:
        """Close the connection. Call it in the loop's thread if the session may be on the loop."""
        self.leave_loop()
        try:
            self._connection.close()
        except (OSError, InterfaceError):
            # The server has closed the connection already.
            self.broken = True

    def _execution(
        self, statement: Statement, parameters: Mapping[str, object], *, fenced: bool
    ) -> tuple[bytes, Context]:
        """Return the message that runs a statement, behind a fence or not, and where pg8000 collects its rows."""
        name, columns, decoders = self._prepared[statement]
        context = Context(statement.text, columns=columns, input_funcs=decoders)
        message = binding(name, self._values(statement, parameters)) + EXECUTE + SYNC
        if not fenced or self.backend is None:
            return message, context
        self.last_moment = last_moment(self._deadline, self._longest)
        moment = {"moment": self.backend.moment(self.last_moment)}
        return binding(self._prepared[FENCE][0], self._values(FENCE, moment)) + EXECUTE + message, context

    def _values(self, statement: Statement, parameters: Mapping[str, object]) -> Any:
        types = self._connection.py_types
        values = statement.arrange(parameters)
        return [value if isinstance(value, Binary) else make_param(types, value) for value in values]

    def _patience(self) -> float:
        """Return for how many seconds an answer is awaited. Raises Overdue where the deadline has passed."""
        patience = deadlines.seconds_left(self._deadline, self._silence)
        if patience <= 0:
            raise Overdue
        return patience

    def _be_patient(self) -> None:
        self._connection._usock.settimeout(self._patience())

    def _note_refusal(self, error: DatabaseError) -> None:
        self.broken = self.broken or is_server_error(error) or read_sqlstate(error) in OUTDATED

    def _was_overdue(self, error: DatabaseError, context: Context | None) -> bool:
        """Return whether the fence failed, and not the statement behind it: then nothing was completed before.

        The session is given up then: its link is slow, or the server's clock has been set.
        """
        overdue = self.is_fenced and context is not None and context.row_count == -1 and read_sqlstate(error) == _PASSED
        self.broken = self.broken or overdue
        return overdue

    def _break(self) -> None:
        self._exchange = None
        self.broken = True


class Transaction:
    """Commits at the end of its block, and rolls back where an exception leaves the block."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __enter__(self) -> Session:
        self._session.execute("BEGIN")
        return self._session

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session.broken:
            return
        if kind is None:
            self._session.commit()
        else:
            self._session.execute("ROLLBACK")


def connector(settings: DatabaseSettings) -> Callable[[], Session]:
    """Return a function that opens a session; it blocks."""
    open_connection = opener(settings, {"statement_timeout": str(settings.statement_timeout_ms)})
    longest = settings.statement_timeout_ms / 1000
    silence = longest + SILENCE_SECONDS
    return lambda: Session(open_connection(), silence, longest)
