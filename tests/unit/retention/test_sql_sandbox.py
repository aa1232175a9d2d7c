"""What SQL over the archive can do, and that it can do nothing else."""

import errno
import io
import json
import os
import re
import selectors
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from utxoiq_persistence.archive import sql_process, sql_sandbox
from utxoiq_persistence.archive.bucket import ArchiveUnavailable
from utxoiq_persistence.archive.sql_sandbox import QueryRefused, SqlAnswer
from utxoiq_persistence.errors import RuleBroken

ROWS = pa.table({"id": pa.array([1, 2, 3], pa.int32()), "unit": ["ms", None, "é\n\0"]})
SECRET = "a credential of the function"
# In a script: it goes on as a user of no rights, where it is root.
AS_NOBODY = "os.getuid() or (os.setgroups([]), os.setgid(65534), os.setuid(65534))\n"
PR_GET_DUMPABLE = 3
NO_POINTER = "No function matches|requires a|does not exist|cannot contain subqueries"
KERNEL_ERRORS = ("OSError", "BlockingIOError", "MemoryError", "PermissionError", "RuntimeError", "ValueError")


def ask(sql: str, *parts: pa.Table) -> SqlAnswer:
    return sql_sandbox.ask("system_metrics", ROWS.schema, parts or (ROWS,), sql)


def test_values_are_text_and_null_stays_null() -> None:
    answer = ask("SELECT *, id / 2 AS half FROM system_metrics ORDER BY id DESC -- of all\n")
    assert answer.columns == ["id", "unit", "half"]
    assert answer.types == ["INTEGER", "VARCHAR", "DOUBLE"]
    assert answer.rows == [["3", "é\n\0", "1.5"], ["2", None, "1.0"], ["1", "ms", "0.5"]]
    assert not answer.is_cut


def test_all_parts_are_one_table() -> None:
    assert ask("SELECT count(*) FROM system_metrics", ROWS, ROWS, ROWS).rows == [["9"]]


def test_a_table_without_rows_has_its_columns() -> None:
    answer = sql_sandbox.ask("system_metrics", ROWS.schema, (), "FROM system_metrics")
    assert (answer.columns, answer.rows) == (["id", "unit"], [])


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 'é;' AS x ; -- a; b",
        "SELECT 'é;' AS x;",
        "SELECT 'é;' AS x -- ;",
        "SELECT 'é;' AS x ;; /* ; */ ; ",
        "; SELECT $$é;$$ AS x\n;\n--",
    ],
)
def test_a_statement_may_have_an_end(sql: str) -> None:
    assert ask(sql).rows == [["é;"]]


def test_columns_of_one_name_are_told_apart_by_their_place() -> None:
    assert ask("SELECT 'a' AS x, 'b' AS x").rows == [["a", "b"]]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELEC 1", "syntax error"),
        ("", "takes one statement"),
        ("-- nothing", "takes one statement"),
        ("SELECT 1; SELECT 2", "takes one statement, not 2"),
        ("SELECT 1; -- a\n; SELECT 2 ; -- b", "takes one statement, not 2"),
        ("SELECT 1) UNION (SELECT 2", "syntax error"),
        ("DROP TABLE system_metrics", "takes a SELECT, not DROP"),
        ("CREATE TABLE a (i INT)", "takes a SELECT, not CREATE"),
        ("COPY system_metrics TO '{folder}/x.csv'", "takes a SELECT, not COPY"),
        ("EXPORT DATABASE '{folder}/x'", "takes a SELECT, not EXPORT"),
        ("ATTACH '{folder}/x.db'", "takes a SELECT, not ATTACH"),
        ("SET enable_external_access = true", "takes a SELECT, not SET"),
        ("LOAD httpfs", "takes a SELECT, not LOAD"),
        ("EXPLAIN ANALYZE SELECT 1", "takes a SELECT, not EXPLAIN"),
        ("SELECT * FROM api_keys", "api_keys does not exist"),
        ("SELECT * FROM incoming", "incoming does not exist"),
        ("SELECT * FROM read_csv('/etc/passwd')", "disabled by configuration"),
        ("SELECT * FROM read_text('/proc/self/environ')", "disabled by configuration"),
        ("SELECT * FROM read_blob('/proc/self/mem')", "disabled by configuration"),
        ("SELECT * FROM glob('/*')", "disabled by configuration"),
        ("SELECT * FROM '/etc/passwd'", "does not exist"),
        ("SELECT * FROM read_parquet('http://127.0.0.1:1/x')", "disabled by configuration"),
        ("SELECT * FROM read_parquet('gs://bucket/x')", "disabled by configuration"),
        ("SELECT * FROM query('SELECT * FROM read_text(''/etc/passwd'')')", "disabled by configuration"),
        ("SELECT getenv('PATH')", "does not exist"),
        ("SELECT repeat('x', 1000000000)", "takes more memory than"),
        ("SELECT list(i) FROM range(1000000000) AS t (i)", "takes more memory than"),
        ("SELECT CAST(unit AS INT) FROM system_metrics", "Could not convert"),
    ],
)
def test_anything_else_is_refused_in_words(sql: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(QueryRefused, match=said) as refused:
        ask(sql.replace("{folder}", str(tmp_path)))
    assert "\n" not in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_settings_stay_as_they_were_set() -> None:
    settings = {str(row[0]): row[1] for row in ask("SELECT name, value FROM duckdb_settings()").rows}
    expected = {name: str(value).lower() for name, value in sql_process.SETTINGS.items()}
    assert {name: str(settings[name]).lower() for name in expected} == expected
    assert settings["lock_configuration"] == "true"


def test_the_process_is_told_nothing_of_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program in its place writes down what it gets."""
    monkeypatch.setenv("REDIS_AUTH", SECRET)
    monkeypatch.setattr(sql_sandbox, "PROGRAM", "tests.unit.retention.environment")
    answer = ask("SELECT 1")
    assert answer.columns == ["ARROW_DEFAULT_MEMORY_POOL", "PYTHONPATH"]


@pytest.mark.parametrize(
    "attempt",
    [
        "open('/etc/passwd')",
        "open('{folder}/x', 'w')",
        "socket.socket()",
        "os.pipe()",
        "os.fork()",
        "threading.Thread(target=print).start()",
        "os.open('/', os.O_RDONLY)",
        "bytearray(2**30)",
        "resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))",
    ],
)
def test_what_breaks_out_of_duckdb_finds_no_file_and_no_network(attempt: str, tmp_path: Path) -> None:
    """The kernel refuses, whatever the process has become. Root is a function nowhere, and may start processes."""
    script = (
        "import os, resource, socket, threading\n"
        "from utxoiq_persistence.archive import sql_process\n"
        f"{AS_NOBODY}"
        "sql_process._drop_capabilities()\n"
        f"sql_process._limit_process(5, {sql_sandbox.PROCESS_BYTES})\n"
        f"try:\n    {attempt.replace('{folder}', str(tmp_path))}\n"
        "except (OSError, MemoryError, ValueError, RuntimeError) as refused:\n    print(type(refused).__name__)\n"
    )
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True)
    assert ended.stdout.strip() in KERNEL_ERRORS
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="of Linux's kernel")
def test_the_memory_of_the_function_is_closed_to_the_process() -> None:
    """Of one that is no more than the process is: root's is closed by what root may."""
    script = (
        "from tests.unit.retention.test_sql_sandbox import ROWS\n"
        "from utxoiq_persistence.archive import sql_process, sql_sandbox\n"
        "sql_process._drop_capabilities()\n"
        "sql_sandbox.PROGRAM = 'tests.unit.retention.memory_reader'\n"
        "print(*sql_sandbox.ask('t', ROWS.schema, (), 'SELECT 1').columns)\n"
        # Its second answer is of a time at which the query has ended.
        f"import ctypes\nprint(ctypes.CDLL(None).prctl({PR_GET_DUMPABLE}, 0, 0, 0, 0))\n"
    )
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True)
    assert ended.stdout.splitlines() == [os.strerror(errno.EPERM), "0"]


@pytest.mark.skipif(sys.platform != "linux", reason="of Linux's kernel")
def test_nothing_is_asked_where_the_memory_cannot_be_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_sandbox, "PR_SET_DUMPABLE", -1)
    with pytest.raises(OSError, match="could not be closed"):
        ask("SELECT 1")


def test_an_ordinary_user_s_process_needs_no_thread() -> None:
    """It has the right to none; root has it, as whom tests may run."""
    order: sql_process.Order = {
        "sql": "SELECT sum(a.i) FROM range(300000) AS a (i), system_metrics",
        "table": "system_metrics",
        "memory_bytes": sql_sandbox.DATABASE_BYTES,
        "process_bytes": sql_sandbox.PROCESS_BYTES,
        "cpu_seconds": sql_sandbox.CPU_SECONDS,
        "most_rows": 1,
        "most_bytes": 1000,
    }
    sent = io.BytesIO()
    sent.write(json.dumps(order).encode() + b"\n")
    with pa.ipc.new_stream(sent, ROWS.schema) as stream:
        stream.write_table(ROWS)
    script = f"import os\nfrom utxoiq_persistence.archive import sql_process\n{AS_NOBODY}sql_process.main()\n"
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "ARROW_DEFAULT_MEMORY_POOL": "system"}
    program = [sys.executable, "-c", script]
    ended = subprocess.run(program, input=sent.getvalue(), capture_output=True, env=environment, check=True)
    assert json.loads(ended.stdout).get("rows") == [[str(3 * sum(range(300000)))]], ended.stdout


def test_what_a_query_leaves_behind_ends_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds the pipe of the answer, and a FIFO, which has an end when nobody holds it."""
    monkeypatch.setattr(sql_sandbox, "PROGRAM", "tests.unit.retention.survivor")
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with (
        open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as fifo,
        selectors.DefaultSelector() as held,
    ):
        held.register(fifo, selectors.EVENT_READ)
        assert ask(str(path)).columns == ["answered"]
        assert held.select(30), "it lives"
        assert fifo.read() == b""


@pytest.mark.parametrize(
    "sql",
    [
        "WITH RECURSIVE t (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t",
        "SELECT sum(a.i * b.i) FROM range(10000000) AS a (i), range(10000000) AS b (i)",
    ],
)
def test_what_takes_too_long_is_ended(sql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_sandbox, "CPU_SECONDS", 1)
    with pytest.raises(QueryRefused, match="takes more than the 1 seconds of a processor"):
        ask(sql)


def test_what_waits_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """By this process's clock, even where the other takes no time of the processor."""
    monkeypatch.setattr(sql_sandbox, "SECONDS", 0.01)
    with pytest.raises(QueryRefused, match=r"takes more than the 0\.01 seconds that a query has"):
        ask("SELECT 1")


def test_the_time_of_a_query_begins_when_all_rows_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = sql_sandbox.SECONDS
    monkeypatch.setattr(sql_sandbox, "SECONDS", 0.01)

    def parts() -> Iterator[pa.Table]:
        yield ROWS
        monkeypatch.setattr(sql_sandbox, "SECONDS", seconds)

    assert sql_sandbox.ask("system_metrics", ROWS.schema, parts(), "SELECT 1").rows == [["1"]]


def test_a_process_that_takes_no_rows_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_sandbox, "SECONDS", 0.01)
    with pytest.raises(RuntimeError, match="took no rows"):
        ask("SELECT 1", pa.table({"id": pa.array(range(100000), pa.int32()), "unit": pa.nulls(100000, pa.string())}))


def test_what_writes_without_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_sandbox, "PROGRAM", "tests.unit.retention.writer")
    with pytest.raises(QueryRefused, match="answers more than the 16777216 bytes"):
        ask("SELECT 1")


@pytest.mark.parametrize("function", ["arrow_scan", "arrow_scan_dumb", "pandas_scan", "python_map_function"])
def test_a_pointer_of_ones_own_leads_nowhere(function: str) -> None:
    """DuckDB's own way to what Python holds in memory: it is refused before anything is followed."""
    for arguments in (
        "1::UBIGINT, 2::UBIGINT, 3::UBIGINT",
        "1::UBIGINT",
        "1::POINTER, 2::POINTER, 3::POINTER",
        "1::POINTER",
        "(SELECT 1 AS a)",
    ):
        with pytest.raises(QueryRefused, match=NO_POINTER):
            ask(f"SELECT * FROM {function}({arguments})")  # noqa: S608


def test_a_fault_of_duckdb_is_told_from_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_sandbox, "PROGRAM", "tests.unit.retention.fault")
    with pytest.raises(QueryRefused, match="its process ended by signal 11, for more memory") as refused:
        ask("SELECT 1")
    assert not re.search(NO_POINTER, str(refused.value))


def test_names_and_types_of_columns_count() -> None:
    named = ", ".join(f"1 AS {'n' * 4000}{number}" for number in range(256))
    assert len(ask(f"SELECT {named}").columns) == 256
    named += ", " + ", ".join(f"1 AS {'m' * 4000}{number}" for number in range(8))
    with pytest.raises(QueryRefused, match="names and types of its columns take more than the 1048576 bytes"):
        ask(f"SELECT {named}")
    with pytest.raises(QueryRefused, match="names and types"):
        ask(f"SELECT CAST(NULL AS STRUCT({'s' * 2**20} INT)) AS x")
    # What is left is for the rows.
    answer = ask(f"SELECT repeat('x', 30000) AS {'n' * 900000} FROM range(900)")  # noqa: S608
    assert (len(answer.rows), answer.is_cut) == (4, True)


def test_rows_are_cut_where_there_are_more_than_an_answer_has() -> None:
    answer = ask("SELECT i FROM range(5000) AS t (i) ORDER BY i")
    assert (len(answer.rows), answer.is_cut, answer.rows[-1]) == (1000, True, ["999"])
    assert not ask("SELECT i FROM range(1000) AS t (i)").is_cut


def test_rows_are_cut_where_they_are_too_long() -> None:
    answer = ask("SELECT repeat('x', 30000) FROM range(900)")
    assert (len(answer.rows), answer.is_cut) == (34, True)
    assert ask("SELECT repeat('x', 3000000)").rows == []


def test_a_failure_of_what_reads_the_rows_is_raised() -> None:
    def parts() -> Iterator[pa.Table]:
        yield ROWS
        raise RuleBroken("too much")

    with pytest.raises(RuleBroken, match="too much"):
        sql_sandbox.ask("system_metrics", ROWS.schema, parts(), "SELECT 1")


def test_a_failure_of_the_archive_wins_over_the_end_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_sandbox, "PROGRAM", "tests.unit.retention.nothing_there")

    def parts() -> Iterator[pa.Table]:
        yield ROWS
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        raise ArchiveUnavailable("the bucket is away")

    with pytest.raises(ArchiveUnavailable, match="the bucket is away"):
        sql_sandbox.ask("system_metrics", ROWS.schema, parts(), "SELECT 1")


def test_no_more_is_read_for_a_process_that_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_sandbox, "PROGRAM", "tests.unit.retention.nothing_there")

    def parts() -> Iterator[pa.Table]:
        while True:
            yield ROWS

    with pytest.raises(RuntimeError, match="ended with 1"):
        sql_sandbox.ask("system_metrics", ROWS.schema, parts(), "SELECT 1")


def test_a_fault_of_the_program_is_none_of_the_query(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_sandbox, "PROGRAM", "tests.unit.retention.nothing_there")
    with pytest.raises(RuntimeError, match="ended with 1"):
        ask("SELECT 1")


def test_a_folder_that_programs_are_run_in_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """As functions-framework runs a function: its own folder is the empty name."""
    root = str(Path(sql_sandbox.__file__).parents[2])
    monkeypatch.setattr(sys, "path", ["" if path == root else path for path in sys.path])
    monkeypatch.chdir(root)
    assert ask("SELECT 1").rows == [["1"]]


@pytest.mark.parametrize("output", [b"", b"{", b"[]", b'{"rows": [[1]]}', b"\xff"])
def test_what_the_process_writes_is_not_trusted(output: bytes) -> None:
    with pytest.raises(QueryRefused):
        sql_sandbox._decode(output)
