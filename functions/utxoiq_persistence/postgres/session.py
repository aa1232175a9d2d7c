"""One connection to PostgreSQL, with its prepared statements: in a thread of the pool, or on the event loop."""

import io
import select
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any

from pg8000.converters import make_params
from pg8000.core import READY_FOR_QUERY, Context, CoreConnection
from pg8000.exceptions import DatabaseError, InterfaceError

from utxoiq_persistence.config import DatabaseSettings
from utxoiq_persistence.postgres.connection import opener
from utxoiq_persistence.postgres.exchange import Exchange, execution, messages
from utxoiq_persistence.postgres.statements import Statement
from utxoiq_persistence.sqlstates import is_fatal, state_of
from utxoiq_persistence.tracing import spans as tracing

Row = list[Any]

# A server that went silent must not hold a thread for ever: this long after the statement timeout it is given up.
SILENCE_SECONDS = 5.0
COPY_BLOCK = 2**18
COPY_DATA = b"d"
# What was prepared no longer fits the schema ("cached plan must not change result type"), or is gone.
OUTDATED = {"0A000", "26000"}


class Session:
    """Statements are prepared at first use and kept, since parsing costs twice what running one does.

    Used by one at a time. `start` and `leave_loop` belong to the loop's thread; the rest blocks.
    """

    def __init__(self, connection: CoreConnection, silence: float) -> None:
        """silence: how many seconds without a word mean that the link is lost."""
        self.opened = time.monotonic()
        self.broken = False
        self._connection = connection
        self._silence = silence
        self._prepared: dict[Statement, tuple[bytes, Any, Any]] = {}
        self._exchange: Exchange | None = None
        connection._usock.settimeout(silence)
        self._poll = select.poll()
        self._poll.register(connection._usock, select.POLLIN)

    def run(self, statement: Statement, **parameters: object) -> list[Row]:
        """The rows, decoded. Raises pg8000's DatabaseError, or OSError and InterfaceError where the link is lost."""
        if (span := tracing.current()) is None:
            return self._run(statement.fitting(parameters), parameters)
        with span.within(statement.name, tracing.of_statement(statement.name, statement.text), remote=True):
            return self._run(statement.fitting(parameters), parameters)

    def _run(self, statement: Statement, parameters: Mapping[str, object]) -> list[Row]:
        try:
            if statement not in self._prepared:
                self._prepared[statement] = self._connection.prepare_statement(statement.text, ())
            message, context = self._execution(statement, parameters)
            self._connection._sock.write(message)
            self._connection._sock.flush()
            self._connection.handle_messages(context)
        except DatabaseError as error:
            self.broken = _ends_session(error)
            raise
        except BaseException:
            self.broken = True  # lost, or left in the middle of an exchange
            raise
        rows: list[Row] = context.rows
        return rows

    def has_prepared(self, statement: Statement, parameters: Mapping[str, object]) -> bool:
        """Whether it can run on the loop."""
        return statement.fitting(parameters) in self._prepared

    def start(
        self,
        statement: Statement,
        parameters: Mapping[str, object],
        done: Callable[[list[Row] | None, Exception | None], None],
    ) -> None:
        """Runs a statement that is prepared on the event loop; done gets its rows, or what `run` raises."""

        def ended(context: Context | None, error: Exception | None) -> None:
            if context is None:
                done(None, error)
            elif context.error is not None:
                self.broken = _ends_session(context.error)
                done(None, context.error)
            else:
                done(context.rows, None)

        message, context = self._execution(statement.fitting(parameters), parameters)
        if self._exchange is None:
            self._exchange = Exchange(self._connection, self._silence, self._break)
        self._exchange.start(message, context, ended)

    def leave_loop(self) -> None:
        """Before it goes to a thread."""
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.leave()

    def transaction(self) -> "Transaction":
        return Transaction(self)

    def execute(self, text: str) -> None:
        """A command without parameters: BEGIN, COMMIT, ROLLBACK."""
        if (span := tracing.current()) is None:
            return self._execute(text)
        attributes = tracing.of_statement(text, text)
        with span.within(text.split(None, 1)[0], attributes, remote=True):
            return self._execute(text)

    def _execute(self, text: str) -> None:
        try:
            self._connection.execute_simple(text)
        except DatabaseError as error:
            self.broken = _ends_session(error)
            raise
        except BaseException:
            self.broken = True
            raise

    def copy_out(self, command: str) -> Iterator[list[bytes]]:
        """The rows that a COPY … TO STDOUT sends, as they come. Left before its end, the session is broken.

        pg8000's own reading calls Python for every row; this takes half the time.
        """
        context = Context(command, stream=io.BytesIO())  # a stream for pg8000 to know that rows are wanted
        self.broken = True
        self._connection.send_QUERY(command)
        self._connection._sock.flush()
        rest, ended = b"", False
        while not ended:
            received = self._connection._sock.read1(COPY_BLOCK)
            if not received:
                raise InterfaceError("network error")
            rows, rest, ended = self._copied(rest + received, context)
            if rows:
                yield rows
        self.broken = context.error is not None and _ends_session(context.error)
        if context.error is not None:
            raise context.error

    def copy_in(self, command: str, blocks: Iterable[bytes]) -> None:
        """Sends what a COPY … FROM STDIN takes."""
        try:
            self._connection.execute_unnamed(command, stream=blocks)
        except DatabaseError as error:
            self.broken = _ends_session(error)
            raise
        except BaseException:
            self.broken = True
            raise

    def _copied(self, block: bytes, context: Context) -> tuple[list[bytes], bytes, bool]:
        """The rows in a block, the part of a message at its end, and whether the answer ends in it."""
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
        """An idle connection has nothing to say; one that does was closed by the server."""
        return bool(self._poll.poll(0))

    def close(self) -> None:
        """In the loop's thread if it may be on the loop."""
        self.leave_loop()
        try:
            self._connection.close()
        except (OSError, InterfaceError):
            # The other side is gone already: closed is what was asked for.
            self.broken = True

    def _execution(self, statement: Statement, parameters: Mapping[str, object]) -> tuple[bytes, Context]:
        name, columns, decoders = self._prepared[statement]
        values = make_params(self._connection.py_types, statement.arrange(parameters))
        return execution(name, values), Context(statement.text, columns=columns, input_funcs=decoders)

    def _break(self) -> None:
        self._exchange = None
        self.broken = True


class Transaction:
    """Commits at its end, rolls back where an exception leaves it."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __enter__(self) -> Session:
        self._session.execute("BEGIN")
        return self._session

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._session.broken:
            self._session.execute("COMMIT" if kind is None else "ROLLBACK")


def connector(settings: DatabaseSettings) -> Callable[[], Session]:
    """How sessions are opened."""
    open_connection = opener(settings, {"statement_timeout": str(settings.statement_timeout_ms)})
    silence = settings.statement_timeout_ms / 1000 + SILENCE_SECONDS
    return lambda: Session(open_connection(), silence)


def _ends_session(error: DatabaseError) -> bool:
    return is_fatal(error) or state_of(error) in OUTDATED
