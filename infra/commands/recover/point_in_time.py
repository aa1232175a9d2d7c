"""The whole database as it was at a moment: beside the live one, or in its place."""

from datetime import datetime

from commands.recover.admin import Admin
from commands.recover.steps import Steps
from commands.recover.target import Target
from commands.recover.tidy import clone_at, clone_name, empty_cache, remove


def recover_to(
    system: Target, admin: Admin, steps: Steps, *, moment: datetime, into: str | None, replace: bool
) -> None:
    """Raises RecoveryFailed."""
    if replace:
        admin.refuse_replicas(system.instance)
    name = into or clone_name(system, moment)
    connection_name = clone_at(system, admin, steps, moment, name)
    steps.say(f"{connection_name} holds everything that was acknowledged before {moment.isoformat()}.")
    if not replace:
        steps.say(f"Look at it; then run this again with --replace, or `remove {name}`.")
        return
    with steps.step(f"backing up {name}"):
        wanted = admin.back_up(name, f"recovery to {moment.isoformat()}")
    with steps.step(f"backing up {system.instance} as it is now"):
        present = admin.back_up(system.instance, f"before recovery to {moment.isoformat()}")
    steps.say(f"  backup {present} holds what was written since")
    with steps.step(f"putting it in the place of {system.instance}, which does not serve meanwhile"):
        admin.restore(system.instance, name, wanted)
    empty_cache(system, steps)
    if into is None:
        remove(system, admin, steps, name=name)
