"""The process that runs an operator's SQL over a copy of archived rows, and has nothing else.

It gets a line of JSON and the rows as an Arrow stream by its standard input, and answers a line of JSON by its standard
output. It inherits no environment, so it knows no credential; DuckDB is told to open nothing, and before it sees the
SQL the process gives up the right to open any file or connection, whatever DuckDB would do, and all that root may.
"""

import ctypes
import json
import resource
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, TypedDict

import duckdb
import pyarrow as pa

# Of the process: what it may write anywhere, in bytes, how many files it may open from now on, and what it may start.
NOTHING = (0, 0)
SETTINGS: Mapping[str, str | bool | int] = {
    "enable_external_access": False,
    "allow_community_extensions": False,
    "allow_persistent_secrets": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
    "temp_directory": "",
    "threads": 1,
}
PR_SET_NO_NEW_PRIVS = 38
# Of capset(2): the version of its structures, of which version 3 has two sets of three words.
CAPABILITY_VERSION = 0x20080522
Row: TypeAlias = tuple[str | None, ...]


class Order(TypedDict):
    """What the process is to do: the SQL, the name of its one table, and what it may take."""

    sql: str
    table: str
    memory_bytes: int
    process_bytes: int
    cpu_seconds: int
    most_rows: int
    most_bytes: int


class Refused(Exception):
    """The SQL is refused. The text says what is wrong with it."""


def main() -> None:
    """Read the order and the rows, and write the answer: `columns`, `types`, `rows`, `is_cut`; or `error`."""
    _drop_capabilities()
    order: Order = json.loads(sys.stdin.buffer.readline())
    try:
        connection = _load_rows(order["table"], order["memory_bytes"])
        _limit_process(order["cpu_seconds"], order["process_bytes"])
        answer = _answer(connection, order["sql"], order["most_rows"], order["most_bytes"])
    except Refused as refused:
        answer = {"error": str(refused)}
    except (duckdb.OutOfMemoryException, MemoryError):
        answer = {"error": "takes more memory than a query has"}
    except duckdb.Error as error:
        answer = {"error": str(error).partition("\n")[0]}
    sys.stdout.write(json.dumps(answer, ensure_ascii=False) + "\n")


def _load_rows(table: str, memory_bytes: int) -> duckdb.DuckDBPyConnection:
    """Return a database with the rows as a table of its own, whose settings are locked."""
    connection = duckdb.connect(":memory:", config={**SETTINGS, "memory_limit": f"{memory_bytes}B"})
    connection.execute("SET TimeZone = 'UTC'")
    connection.register("incoming", pa.ipc.open_stream(sys.stdin.buffer))
    connection.execute(f"CREATE TABLE {table} AS SELECT * FROM incoming")  # noqa: S608 - a name of sql/columns.toml
    connection.unregister("incoming")
    connection.execute("SET lock_configuration = true")
    return connection


def _limit_process(cpu_seconds: int, most_bytes: int) -> None:
    """Give up what SQL must not reach. What is open stays open."""
    # First comes the signal that tells which limit it is.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    resource.setrlimit(resource.RLIMIT_DATA, (most_bytes, most_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, NOTHING)
    resource.setrlimit(resource.RLIMIT_FSIZE, NOTHING)
    resource.setrlimit(resource.RLIMIT_NOFILE, NOTHING)
    # No process and no thread, except to root: whoever started this one ends its whole group.
    resource.setrlimit(resource.RLIMIT_NPROC, NOTHING)


def _drop_capabilities() -> None:
    """Give up what root has, by which limits could be raised again, and what programs could give back.

    It comes before anything that may start a thread: each has capabilities of its own.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None, use_errno=True)
    header, none = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0), (ctypes.c_uint32 * 6)()
    if library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or library.capset(header, none):
        raise OSError(ctypes.get_errno(), "capabilities could not be dropped")


def _answer(connection: duckdb.DuckDBPyConnection, sql: str, most_rows: int, most_bytes: int) -> Mapping[str, Any]:
    asked = connection.sql(_only_query(connection, sql))
    names, types = list(asked.columns), [str(kind) for kind in asked.types]
    size = sum(map(_size, names)) + sum(map(_size, types))
    if size > most_bytes:
        raise Refused(f"names and types of its columns take more than the {most_bytes} bytes that an answer has")
    texts = asked.limit(most_rows + 1).project("CAST(COLUMNS(*) AS VARCHAR)").fetchall()
    rows, is_cut = _take(texts, most_rows, most_bytes - size)
    return {"columns": names, "types": types, "rows": rows, "is_cut": is_cut}


def _only_query(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """Return the one SELECT that the text is. Raises Refused, and duckdb.Error for what is no SQL."""
    statements = connection.extract_statements(sql)
    if len(statements) != 1:
        raise Refused(f"takes one statement, not {len(statements)}")
    if statements[0].type != duckdb.StatementType.SELECT:
        raise Refused(f"takes a SELECT, not {statements[0].type.name}")
    return _cut_end(str(statements[0].query))


def _cut_end(sql: str) -> str:
    """Return the statement without the semicolons at its end, and what comments follow: a relation takes none."""
    text = sql.encode()
    for place, kind in reversed(duckdb.tokenize(sql)):  # places are of bytes
        if kind == duckdb.token_type.operator and text.startswith(b";", place):
            text = text[:place]
        elif kind != duckdb.token_type.comment:
            break
    return text.decode()


def _take(found: Sequence[Row], most_rows: int, most_bytes: int) -> tuple[Sequence[Row], bool]:
    """Return the first rows, as many as there may be and fit, and whether there are more."""
    size = 0
    for place, row in enumerate(found):
        size += sum(map(_size, row))
        if place == most_rows or size > most_bytes:
            return found[:place], True
    return found, False


def _size(value: str | None) -> int:
    """Return how many bytes of an answer the value counts for."""
    return len((value or "null").encode())


if __name__ == "__main__":
    main()
