"""What is missing of one table, brought back from a moment into the live database, which goes on serving."""

from datetime import datetime

from commands.recover.admin import Admin
from commands.recover.rows import copy_missing
from commands.recover.steps import Steps
from commands.recover.target import Target
from commands.recover.tidy import clone_at, clone_name, empty_cache, remove


def recover_table(
    system: Target, admin: Admin, steps: Steps, *, moment: datetime, table: str, where: str, keep: bool
) -> None:
    """Raises RecoveryFailed."""
    name = clone_name(system, moment)
    source = system.connect(clone_at(system, admin, steps, moment, name))
    try:
        live = system.connect(str(admin.get(system.instance)["connectionName"]))
        try:
            with steps.step(f"bringing back what is missing of {table}"):
                copied = copy_missing(source, live, table, where)
        finally:
            live.close()
    finally:
        source.close()
    made = "; the table was made anew" if copied.table_was_made else ""
    steps.say(f"  {copied.added} rows were missing, of {copied.found} at that moment{made}")
    empty_cache(system, steps)
    if keep:
        steps.say(f"{name} stays; `remove {name}` when it has served")
    else:
        remove(system, admin, steps, name=name)
