"""What recovery makes on its way, and how it goes again."""

from datetime import UTC, datetime

from redis import Redis, RedisError

from commands.errors import CommandFailed
from commands.output import Output
from commands.recover.admin import Admin
from commands.recover.target import Target


def clone_name(system: Target, moment: datetime) -> str:
    """Return the clone's name, one for each moment, so that a second run finds the clone of the first."""
    return f"{system.instance}-recover-{moment.astimezone(UTC):%Y%m%d-%H%M%S-%f}"


def clone_at(system: Target, admin: Admin, output: Output, moment: datetime, name: str) -> str:
    """Return the connection name of the clone, which is made if it does not exist. Raises CommandFailed."""
    found = admin.find(name)
    if found is None:
        with output.step(f"cloning {system.instance} as of {moment.isoformat()} into {name}"):
            admin.clone(system.instance, name, moment.astimezone(UTC).isoformat().replace("+00:00", "Z"))
        found = admin.get(name)
    if found["state"] != "RUNNABLE":
        raise CommandFailed(f"{name} is {found['state']}", remedy=f"Wait for it, or `remove {name}` and begin again.")
    return str(found["connectionName"])


def remove(system: Target, admin: Admin, output: Output, *, name: str) -> None:
    """Delete an instance. Raises CommandFailed if recovery has not made it."""
    if not name.startswith(f"{system.instance}-recover-"):
        raise CommandFailed(f"{name} is not an instance that recovery has made: {system.instance}-recover-…")
    with output.step(f"removing {name}"):
        admin.delete(name)


def empty_cache(system: Target, output: Output) -> None:
    """Empty the cache in Redis and in every process: one that loses its subscription drops all of its entries."""
    if system.redis_url is None:
        output.note("No --redis-url was given. Empty the cache by hand, or answers may be an hour old.")
        return
    try:
        with output.step("emptying the cache"), Redis.from_url(system.redis_url) as redis:
            redis.flushall()
            redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    except (RedisError, ValueError) as error:
        raise CommandFailed(
            f"the data are there, but the cache was not emptied: {error}",
            remedy="Run the same again with the right --redis-url, or empty the cache by hand.",
        ) from error
