"""Whether a table in the database has the columns of the list: no row leaves, or comes back, where it has others."""

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
    """Raises ColumnsDiffer, which names each column that differs."""
    found = [Column(*row) for row in session.run(_SQL["columns"], table_name=table.name)]
    if differing := list(differences(table, found)):
        raise ColumnsDiffer(f"{table.name}: {'; '.join(differing)}; {REMEDY}")
