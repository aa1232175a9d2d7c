"""A process that answers SQL over rows that it is given, and reaches nothing else: no file, no network, no credential.

docs/decisions/0068-sql-over-the-archive.md says what holds it.
"""

import ctypes
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
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
# From its start to its end; less than a request may take.
SECONDS = 18.0
CPU_SECONDS = 12
BATCH_ROWS = 16_384


class QueryRefused(PersistenceError):
    """Says that the SQL is not one SELECT that can be answered, or takes more than it may."""


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
    with _closed_memory(), _start() as process:
        timer = threading.Timer(SECONDS, process.kill)
        timer.start()
        try:
            _send(cast("IO[bytes]", process.stdin), table, schema, parts, sql)
            output = cast("IO[bytes]", process.stdout).read(MOST_OUTPUT_BYTES)
            process.wait()
        finally:
            timer.cancel()
            process.kill()
    if process.returncode > 0:
        raise RuntimeError(f"{PROGRAM} ended with {process.returncode}: {output[-MOST_ERROR:]!r}")
    return _decode(output)


def _start() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 - this program's own interpreter and module
        [sys.executable, "-P", "-B", "-m", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None,  # the function's log, where a fault of this program shows
        # Nothing of this process's own, in which its credentials are.
        env={
            "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
            "ARROW_DEFAULT_MEMORY_POOL": "system",
        },
        cwd="/",
    )


@contextmanager
def _closed_memory() -> Iterator[None]:
    """Keep processes of the same user from this one's memory, which the kernel lets them read otherwise."""
    if sys.platform != "linux":
        yield
        return
    library = ctypes.CDLL(None)
    library.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    try:
        yield
    finally:
        library.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)


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
    # A process that was ended reads no more.
    with suppress(BrokenPipeError), pipe:
        pipe.write(msgspec.json.encode(order) + b"\n")
        with pa.ipc.new_stream(pipe, schema) as stream:
            for part in parts:
                stream.write_table(part, max_chunksize=BATCH_ROWS)


def _decode(output: bytes) -> SqlAnswer:
    """Return what the process has written, which is trusted no more than the SQL is. Raises QueryRefused."""
    try:
        answer = msgspec.json.decode(output, type=SqlAnswer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # It was ended, by its limits or by a fault of DuckDB's.
        raise QueryRefused(f"takes more than the memory or the {CPU_SECONDS} seconds that a query has") from None
    if answer.error:
        raise QueryRefused(answer.error[:MOST_ERROR])
    return answer
