"""The whole database as it was at a moment: beside the live one, or in its place."""

from datetime import datetime
from typing import Any

from commands.output import Output
from commands.recover.admin import Admin
from commands.recover.target import Target
from commands.recover.tidy import clone_at, clone_name, empty_cache, remove


def recover_to(
    system: Target, admin: Admin, output: Output, *, moment: datetime, into: str | None, replace: bool
) -> dict[str, Any]:
    """Make a clone as of a moment, put it in the live one's place if told to, and return what was made.

    Raises CommandFailed.
    """
    admin.refuse_moment(system.instance, moment)
    if replace:
        admin.refuse_replicas(system.instance)
    name = into or clone_name(system, moment)
    connection_name = clone_at(system, admin, output, moment, name)
    output.line(f"{connection_name} holds everything that was acknowledged before {moment.isoformat()}.")
    done: dict[str, Any] = {"instance": system.instance, "time": moment, "replaced": replace}
    if not replace:
        output.line(f"Look at it; then run this again with --replace, or `remove {name}`.")
        return {**done, "clone": name, "connection_name": connection_name}
    with output.step(f"backing up {name}"):
        wanted = admin.back_up(name, f"recovery to {moment.isoformat()}")
    with output.step(f"backing up {system.instance} as it is now"):
        present = admin.back_up(system.instance, f"before recovery to {moment.isoformat()}")
    output.line(f"The backup {present} of {system.instance} holds what was written since.")
    with output.step(f"putting it in the place of {system.instance}, which does not serve meanwhile"):
        admin.restore(system.instance, name, wanted)
    empty_cache(system, output)
    if into is None:
        remove(system, admin, output, name=name)
    return {**done, "clone": into, "backup_before": present}
