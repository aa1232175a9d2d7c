"""The columns of the archived tables, as sql/columns.toml lists them."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

LIST = Path(__file__).resolve().parents[2] / "sql/columns.toml"


def read() -> Mapping[str, Mapping[str, str]]:
    """Return PostgreSQL's type of each column, by table and column. Raises OSError and tomllib.TOMLDecodeError."""
    return {
        table: {column: text.removesuffix(" not null") for column, text in listed["columns"].items()}
        for table, listed in tomllib.loads(LIST.read_text()).items()
    }
