"""A process that answers SQL over rows that it is given, and reaches nothing else: no file, no network, no credential.

docs/decisions/0068-sql-over-the-archive.md says what holds it.
"""

import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import IO, TYPE_CHECKING, cast

import msgspec
import pyarrow as pa
from msgspec import Struct

from utxoiq_persistence.errors import PersistenceError

if TYPE_CHECKING:
    from utxoiq_persistence.archive.sql_process import Order

PR_SET_DUMPABLE = 4
PROGRAM = "utxoiq_persistence.archive.sql_process"
# What DuckDB may take, and what its process may: a function has 512 MiB.
DATABASE_BYTES = 144 * 2**20
PROCESS_BYTES = 320 * 2**20
MOST_ROWS = 1000
MOST_ANSWER_BYTES = 2**20
# An answer in JSON is longer than its values.
MOST_OUTPUT_BYTES = 16 * MOST_ANSWER_BYTES
MOST_ERROR = 500
PIECE_BYTES = 2**16
# From its last row to its end; with what may be taken to read the rows, less than a request may take.
SECONDS = 18.0
CPU_SECONDS = 12
BATCH_ROWS = 16_384


class QueryRefused(PersistenceError):
    """Says that the SQL is not one SELECT that can be answered, or which limit ended it."""


class SqlAnswer(Struct):
    """What SQL answers: values as text, None for null. `is_cut` says whether there are more rows than those.

    `types` are DuckDB's types of the columns. With an `error` there is nothing else.
    """

    error: str = ""
    columns: list[str] = []
    types: list[str] = []
    rows: list[list[str | None]] = []
    is_cut: bool = False


def ask(table: str, schema: pa.Schema, parts: Iterable[pa.Table], sql: str) -> SqlAnswer:
    """Return what one SELECT answers over the rows of all parts, which it sees as `table`.

    Raises QueryRefused, what `parts` raises, and RuntimeError for a fault of the program.
    """
    _close_memory()
    with _start() as process:
        try:
            _send(cast("IO[bytes]", process.stdin), table, schema, parts, sql)
            output = _receive(cast("IO[bytes]", process.stdout))
        finally:
            _end(process)
    if process.returncode > 0:
        raise RuntimeError(f"{PROGRAM} ended with {process.returncode}: {output[-MOST_ERROR:]!r}")
    return _decode(output, process.returncode)


def _start() -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(  # noqa: S603 - this program's own interpreter and module
        [sys.executable, "-P", "-B", "-m", PROGRAM],
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None,  # the function's log, where a fault of this program shows
        # Nothing of this process's own, in which its credentials are.
        env={
            "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
            "ARROW_DEFAULT_MEMORY_POOL": "system",
        },
        cwd="/",
        # A group of its own, which ends whole.
        start_new_session=True,
    )
    os.set_blocking(cast("IO[bytes]", process.stdin).fileno(), False)
    return process


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the process and all that it has started. Nobody has waited for it yet, so its id is still its own."""
    with suppress(PermissionError):  # which macOS says of a group that has ended already
        os.killpg(process.pid, signal.SIGKILL)


def _close_memory() -> None:
    """Keep processes of the same user from this one's memory from now on, which the kernel lets them read otherwise.

    It stays closed: what has left its group may outlive its query. Raises OSError.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "this process's memory could not be closed to others")


def _send(pipe: "IO[bytes]", table: str, schema: pa.Schema, parts: Iterable[pa.Table], sql: str) -> None:
    order: Order = {
        "sql": sql,
        "table": table,
        "memory_bytes": DATABASE_BYTES,
        "process_bytes": PROCESS_BYTES,
        "cpu_seconds": CPU_SECONDS,
        "most_rows": MOST_ROWS,
        "most_bytes": MOST_ANSWER_BYTES,
    }
    # Arrow writes to it; a stream that is not closed is left as it is, so that nothing replaces what `parts` raises.
    sink = _Sink(pipe)
    sink.write(msgspec.json.encode(order) + b"\n")
    stream = pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), schema)
    for part in parts:
        stream.write_table(part, max_chunksize=BATCH_ROWS)
        if sink.is_broken:
            return
    stream.close()
    pipe.close()


class _Sink:
    """What is written to a process. What is written to one that has ended is lost: its output and status say why."""

    # Arrow asks before it writes.
    closed = False

    def __init__(self, pipe: "IO[bytes]") -> None:
        self.is_broken = False
        self._pipe = pipe

    def write(self, data: bytes) -> int:
        """Write all of it. Return its length. Raises RuntimeError if the process takes nothing for too long."""
        left = memoryview(data).cast("B")
        size = len(left)
        while left and not self.is_broken:
            if not _is_ready(self._pipe, selectors.EVENT_WRITE, SECONDS):
                raise RuntimeError(f"{PROGRAM} took no rows for {SECONDS:g} seconds")
            try:
                left = left[os.write(self._pipe.fileno(), left) :]
            except BrokenPipeError:
                self.is_broken = True
        return size


def _receive(pipe: "IO[bytes]") -> bytes:
    """Return the line that the process writes, or what it writes until it ends.

    What it has started may have the pipe open for ever, so the clock ends it too. Raises QueryRefused if that is too
    late or too much.
    """
    end = time.monotonic() + SECONDS
    output = bytearray()
    while _is_ready(pipe, selectors.EVENT_READ, end - time.monotonic()):
        piece = os.read(pipe.fileno(), PIECE_BYTES)
        output += piece
        if not piece or output.endswith(b"\n"):
            return bytes(output)
        if len(output) > MOST_OUTPUT_BYTES:
            raise QueryRefused(f"answers more than the {MOST_OUTPUT_BYTES} bytes that an answer may be written in")
    raise QueryRefused(f"takes more than the {SECONDS:g} seconds that a query has")


def _is_ready(pipe: "IO[bytes]", event: int, seconds: float) -> bool:
    """Wait until the pipe can be read or written, for so long. Return whether it can."""
    if seconds <= 0:
        return False
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, event)
        return bool(selector.select(seconds))


def _decode(output: bytes, status: int = 0) -> SqlAnswer:
    """Return what the process has written, which is trusted no more than the SQL is. Raises QueryRefused."""
    try:
        answer = msgspec.json.decode(output, type=SqlAnswer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        if status == -signal.SIGXCPU:
            raise QueryRefused(f"takes more than the {CPU_SECONDS} seconds of a processor that a query has") from None
        raise QueryRefused(
            f"has no answer: its process ended by signal {-status}, for more memory than a query has or by a fault"
        ) from None
    if answer.error:
        raise QueryRefused(answer.error[:MOST_ERROR])
    return answer
