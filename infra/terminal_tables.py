"""Tables as the commands and the local cloud print them: no lines, a bold title, and nothing taken for markup."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table


def build_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Return a table whose cells are shown as they are; a cell too long for the terminal goes on in the next line."""
    table = Table(
        title=escape(title), title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2)
    )
    for column in columns:
        table.add_column(escape(column), header_style="dim", overflow="fold")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    return table
