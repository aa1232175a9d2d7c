"""The columns of the archive's tables, as sql/columns.toml lists them."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

LIST = Path(__file__).resolve().parents[2] / "sql/columns.toml"


def read() -> Mapping[str, Mapping[str, str]]:
    """Return PostgreSQL's type of each column, by table and column. Raises OSError and tomllib.TOMLDecodeError.

    Columns that only objects have, such as what is encrypted of a person, are the last.
    """
    return {
        table: {
            column: text.removesuffix(" not null")
            for column, text in {**listed["columns"], **listed.get("sealed", {})}.items()
        }
        for table, listed in tomllib.loads(LIST.read_text()).items()
    }


def read_personal() -> Mapping[str, tuple[str, Sequence[str]]]:
    """Return, of each table that tells of persons, the column that names the person, and all that are encrypted."""
    return {
        table: (listed["person"], listed["personal"])
        for table, listed in tomllib.loads(LIST.read_text()).items()
        if "personal" in listed
    }
