"""The comparison of a table's columns with the list: no row is archived or restored while they differ."""

from utxoiq_persistence.errors import PersistenceError
from utxoiq_persistence.postgres.columns import Column, ListedTable, differences
from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.postgres.statements import load

_SQL = load("retention")
REMEDY = (
    "its rows stay where they are. Bring sql/columns.toml and the migrations together, and deploy them; docs/schema.md"
)


class ColumnsDiffer(PersistenceError):
    """The table has other columns than the list: rows would be archived without some of them."""


def check(session: Session, table: ListedTable) -> None:
    """Raise ColumnsDiffer, which names each column that differs, if the table has other columns than the list."""
    found = [Column(*row) for row in session.run(_SQL["columns"], table_name=table.name)]
    if differing := list(differences(table, found)):
        raise ColumnsDiffer(f"{table.name}: {'; '.join(differing)}; {REMEDY}")
