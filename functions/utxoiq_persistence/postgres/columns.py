"""The list of columns, sql/columns.toml: what is archived, compared, restored and answered of a table."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pg8000.native import identifier

from utxoiq_persistence.packaged_folders import find_folder

FILE = "columns.toml"
_NOT_NULL = " not null"
_TIME = "timestamp with time zone"


@dataclass(frozen=True)
class Column:
    """Describes a column as PostgreSQL's catalogue does.

    Attributes:
        name: The column's name.
        type: The type as format_type() spells it, without a length.
        takes_null: Whether the column accepts NULL.
    """

    name: str
    type: str
    takes_null: bool

    def __str__(self) -> str:
        """Return the column as the list spells it."""
        return f"{self.name} {self.type}{'' if self.takes_null else _NOT_NULL}"


@dataclass(frozen=True)
class ListedTable:
    """Describes a table of the list.

    Attributes:
        name: The table's name.
        columns: The columns in the table's order.
        moments: The names of time columns. A row's time is the first of them that has a value.
        person: The name of the column that says whose row it is; None if rows are nobody's.
        personal: The names of the columns that the archive holds encrypted.
        sealed: The columns that the archive has in their place.
    """

    name: str
    columns: tuple[Column, ...]
    moments: tuple[str, ...]
    person: str | None = None
    personal: tuple[str, ...] = ()
    sealed: tuple[Column, ...] = ()

    def sql(self, alias: str | None = None) -> str:
        """Return the columns as a SQL list, each prefixed with the alias if there is one."""
        prefix = "" if alias is None else f"{alias}."
        return ", ".join(f"{prefix}{identifier(column.name)}" for column in self.columns)

    def answer_sql(self, alias: str) -> str:
        """Return the columns behind the alias as answers have them: times in their one spelling."""
        return ", ".join(
            f"{spelled_time(place)} AS {name}" if column.type == _TIME else place
            for column in self.columns
            for name in [identifier(column.name)]
            for place in [f"{alias}.{name}"]
        )


def spelled_time(expression: str, *, zone: bool = True) -> str:
    """Return SQL for the text of a time as all answers spell it, as `times.spell` does; without its zone if so asked.

    PostgreSQL spells a zone as slowly as four of the digits, and looks up one that has a name each time.
    """
    spelling = """YYYY-MM-DD"T"HH24:MI:SS.US""" + ('"+00:00"' if zone else "")
    return f"to_char(({expression}) AT TIME ZONE INTERVAL '0', '{spelling}')"


def read(folder: Path) -> Mapping[str, ListedTable]:
    """Return the tables of the folder's list by name.

    Raises:
        FileNotFoundError: The folder has no list.
    """
    source = tomllib.loads((folder / FILE).read_text())
    return {name: _table(name, table) for name, table in source.items()}


def differences(table: ListedTable, found: Sequence[Column]) -> Iterator[str]:
    """Yield each difference between the listed columns and those in the database, as a clause that names the column."""
    listed = {column.name: column for column in table.columns}
    there = {column.name: column for column in found}
    for name in (name for name in there if name not in listed):
        yield f"the table has the column {there[name]}, which the list lacks"
    for name in (name for name in listed if name not in there):
        yield f"the list has the column {listed[name]}, which the table lacks"
    for name in there:
        if name in listed and listed[name] != there[name]:
            yield f"the table has the column {there[name]}, the list has it as {listed[name]}"
    if listed.keys() == there.keys() and list(listed) != list(there):
        yield f"the table has its columns in the order {', '.join(there)}"


def _table(name: str, table: Mapping[str, Any]) -> ListedTable:
    columns = tuple(_column(column, text) for column, text in table["columns"].items())
    sealed = tuple(_column(column, text) for column, text in table.get("sealed", {}).items())
    personal = tuple(table.get("personal", ()))
    return ListedTable(name, columns, tuple(table["moments"]), table.get("person"), personal, sealed)


def _column(name: str, text: str) -> Column:
    return Column(name, text.removesuffix(_NOT_NULL), not text.endswith(_NOT_NULL))


TABLES = read(find_folder("sql"))
# Where the rows of the view system_metrics lie: a point has the columns that its series has not.
OF_SERIES = frozenset({"service_name", "metric_type", "unit"})
POINTS = ListedTable(
    "metric_points",
    tuple(column for column in TABLES["system_metrics"].columns if column.name not in OF_SERIES),
    TABLES["system_metrics"].moments,
)
