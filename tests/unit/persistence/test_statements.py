from collections.abc import Callable
from pathlib import Path

import pytest

from utxoiq_persistence.postgres import statements
from utxoiq_persistence.postgres.statements import Statement, load

TEXT = """
-- name: plain
-- What it is for.
SELECT :a::text, ':b', "c:d" -- never
FROM t WHERE a = :a AND b = :b

-- name: choosy
SELECT * FROM t
WHERE true
  AND a = :a -- if given
  AND (b, c) < (:b::date, :c) -- if given
LIMIT :limit
"""


@pytest.fixture
def statement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Statement]:
    (tmp_path / "t.sql").write_text(TEXT)
    monkeypatch.setattr(statements, "find_folder", lambda _: tmp_path)
    return load("t").__getitem__


def test_parameters_are_numbered_once_each_and_put_in_order(statement: Callable[[str], Statement]) -> None:
    plain = statement("plain")
    assert plain.text == "SELECT $1::text, ':b', \"c:d\" -- never\nFROM t WHERE a = $1 AND b = $2"
    assert plain.arrange({"b": 2, "a": 1}) == (1, 2)
    assert plain.fitting({"a": None}) is plain


@pytest.mark.parametrize(
    ("parameters", "where"),
    [
        ({}, "LIMIT $1"),
        ({"a": 1}, "AND a = $1 LIMIT $2"),
        ({"b": 1, "c": 2}, "AND (b, c) < ($1::date, $2) LIMIT $3"),
        ({"a": 0, "b": 1, "c": 2}, "AND a = $1 AND (b, c) < ($2::date, $3) LIMIT $4"),
        ({"b": 1}, "LIMIT $1"),
    ],
)
def test_lines_whose_parameters_are_not_given_are_left_out(
    statement: Callable[[str], Statement], parameters: dict[str, object], where: str
) -> None:
    choosy = statement("choosy")
    fitting = choosy.fitting({"limit": 9, "a": None, **parameters})
    assert " ".join(fitting.text.split()).partition(" true ")[2] == where
    assert fitting.name == "choosy"
    assert fitting.arrange({"limit": 9, **parameters})[-1] == 9
    assert choosy.fitting({"limit": 8, **parameters}) is fitting


def test_a_missing_file_is_named() -> None:
    with pytest.raises(FileNotFoundError, match="nothing"):
        load("nothing")
