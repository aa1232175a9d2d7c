"""Rows of the old archives: arrays that need not fit in memory, and values that their columns do not take."""

import io
import json
from typing import Any

import pytest

from commands.moving import json_rows
from commands.moving.json_rows import JsonArray, Misfit, to_copy

ROWS: list[Any] = [{"a": [1, {"b": "]},["}], "c": '\u00e9\\"'}, {}, {"d": None}, "text", 5.5, [[]]]
COLUMNS = {"id": "uuid", "number": "bigint", "rating": "integer", "value": "double precision", "at": "timestamp"}
ID = "5f0c7f9e-0000-4000-8000-000000000001"


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("indent", [None, 2])
def test_an_array_is_read_whatever_is_read_at_once(
    chunk: int, indent: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_rows, "CHUNK", chunk)
    objects = [row for row in ROWS if not isinstance(row, float)]  # a number may seem to end where the chunk does
    assert list(JsonArray(io.StringIO(json.dumps(objects, indent=indent)))) == objects
    assert list(JsonArray(io.StringIO(" [ ] "))) == []


@pytest.mark.parametrize("text", ["", "{}", "[", '[{"a": 1}', '[{"a": 1},', '[{"a": 1} {}]', '[{"a": ]'])
def test_what_is_no_array_or_cut_off_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="it is not"):
        list(JsonArray(io.StringIO(text)))


def test_a_row_is_written_as_copy_takes_it() -> None:
    row = {"id": ID.upper(), "number": 801000.0, "rating": None, "value": float("nan"), "at": "2026-01-31T12:00:00.5"}
    assert to_copy(row, COLUMNS, frozenset()) == f"{ID}\t801000\t\\N\tNaN\t2026-01-31 12:00:00.500000\n".encode()
    texts = {"a": "tab\t, line\n, \\N", "b": "", "c": ""}
    kinds = dict.fromkeys("abc", "text")
    assert to_copy(texts, kinds, frozenset("b")) == b"tab\\t, line\\n, \\\\N\t\\N\t\n"
    with_offset = {"at": "2026-01-31T12:00:00+02:00"}
    assert to_copy(with_offset, {"at": "timestamp"}, frozenset()) == b"2026-01-31 10:00:00\n"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("uuid", "x"),
        ("uuid", 5),
        ("bigint", 1.5),
        ("bigint", "5"),
        ("bigint", True),
        ("bigint", 2**63),
        ("integer", 2**31),
        ("integer", float("inf")),
        ("double precision", "5"),
        ("text", 5),
        ("text", "\ud800"),
        ("text", "\0"),
        ("timestamp", "yesterday"),
        ("timestamp", 5),
        ("jsonb", {"a": "\0"}),
        ("jsonb", {"a": float("nan")}),
    ],
)
def test_a_value_that_its_column_does_not_take_is_a_misfit(kind: str, value: Any) -> None:
    with pytest.raises(Misfit):
        to_copy({"column": value}, {"column": kind}, frozenset())


def test_a_backslash_before_u0000_is_no_nul() -> None:
    assert to_copy({"c": {"a": "\\u0000"}}, {"c": "jsonb"}, frozenset()) == b'{"a": "\\\\\\\\u0000"}\n'
