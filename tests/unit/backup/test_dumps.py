"""Dumps are cut into statements as psql would cut them, and one that is not whole is noticed."""

import pytest

from utxoiq_persistence.backup.dumps import DumpDamaged, split

END = "--\n-- PostgreSQL database dump complete\n--\n"


def cut(text: str) -> list[tuple[str, bytes | None]]:
    lines = iter(text.encode().splitlines(keepends=True))
    return [(statement, None if rows is None else b"".join(rows)) for statement, rows in split(lines)]


def test_statements_end_at_semicolons_outside_quotes() -> None:
    function = "CREATE FUNCTION f() AS $_$\nBEGIN\n  RETURN 'a;';\nEND;\n$_$;\n"
    comment = "COMMENT ON TABLE t IS 'first;\n''second;''\n$$;\n';\n"
    assert cut(f"\\restrict abc\n\nSET x = 0;\n-- a comment;\n{function}{comment}\\unrestrict abc\n{END}") == [
        ("SET x = 0;\n", None),
        (function, None),
        (comment, None),
    ]


def test_rows_go_with_the_statement_that_copies_them() -> None:
    copy = 'COPY public.t (a, "from") FROM stdin;\n'
    rows = "1\t--\n2\t\\\\.\n3\t'\n"
    assert cut(f"{copy}{rows}\\.\n\nCREATE INDEX i ON t (a);\n{END}") == [
        (copy, rows.encode()),
        ("CREATE INDEX i ON t (a);\n", None),
    ]


@pytest.mark.parametrize(
    "text",
    ["SET x = 0;\n", "COPY t FROM stdin;\n1\n", f"CREATE TABLE t (\n{END}", f"\\! rm -rf /\n{END}", ""],
    ids=["without its end", "within rows", "within a statement", "a command of psql", "nothing"],
)
def test_what_is_not_whole_is_refused(text: str) -> None:
    with pytest.raises(DumpDamaged):
        cut(text)
