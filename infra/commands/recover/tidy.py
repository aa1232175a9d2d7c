"""What recovery makes on its way, and how it goes again."""

from datetime import UTC, datetime

from redis import Redis

from commands.recover.admin import Admin
from commands.recover.errors import RecoveryFailed
from commands.recover.steps import Steps
from commands.recover.target import Target


def clone_name(system: Target, moment: datetime) -> str:
    """One a moment, so that a second run finds what the first has made."""
    return f"{system.instance}-recover-{moment.astimezone(UTC):%Y%m%d-%H%M%S-%f}"


def clone_at(system: Target, admin: Admin, steps: Steps, moment: datetime, name: str) -> str:
    """The connection name of the clone, which is made unless it is there."""
    found = admin.find(name)
    if found is None:
        with steps.step(f"cloning {system.instance} as of {moment.isoformat()} into {name}"):
            admin.clone(system.instance, name, moment.astimezone(UTC).isoformat().replace("+00:00", "Z"))
        found = admin.get(name)
    if found["state"] != "RUNNABLE":
        raise RecoveryFailed(f"{name} is {found['state']}: wait for it, or `remove {name}` and begin again")
    return str(found["connectionName"])


def remove(system: Target, admin: Admin, steps: Steps, *, name: str) -> None:
    """Raises RecoveryFailed for an instance that recovery has not made."""
    if not name.startswith(f"{system.instance}-recover-"):
        raise RecoveryFailed(f"{name} is none of recovery's: those are called {system.instance}-recover-…")
    with steps.step(f"removing {name}"):
        admin.delete(name)


def empty_cache(system: Target, steps: Steps) -> None:
    """In Redis, and in every process: one that loses the channel of changes drops all that it holds."""
    if system.redis_url is None:
        steps.say("No --redis-url was given. Empty the cache by hand, or answers may be an hour old.")
        return
    with steps.step("emptying the cache"), Redis.from_url(system.redis_url) as redis:
        redis.flushall()
        redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
