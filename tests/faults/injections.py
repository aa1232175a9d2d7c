"""The faults: each breaks something, holds that for a while, and mends it. What is mended serves again by itself."""

import asyncio
import os
import random
import shutil
import signal
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
from redis import Redis
from tests.faults import small_disk
from tests.faults.world import DATABASE, REQUEST_SECONDS, World
from tests.integration.http.functions import Function
from tests.unit.http import issuer_faults

from local_cloud.processes.postgres import Postgres
from local_cloud.processes.valkey import Valkey

Fault = Callable[[World, random.Random], Awaitable[None]]
# By how much a clock is wrong: an hour, which a fresh token lasts, and more than the leeway that it has.
CLOCK_SECONDS = 3660.0
SESSION_DEFAULTS = (
    "datestyle = 'SQL, DMY'",
    "intervalstyle = 'sql_standard'",
    "bytea_output = 'escape'",
    "extra_float_digits = -15",
    "search_path = 'pg_catalog'",
    "timezone = 'Asia/Kathmandu'",
)


def _hold(chance: random.Random) -> float:
    """Return for how many seconds a fault lasts: mostly shorter than any patience, now and then longer than all."""
    return chance.uniform(0.1, 1.0) if chance.random() < 0.85 else chance.uniform(1.5, REQUEST_SECONDS + 2)


async def kill_function(world: World, chance: random.Random) -> None:
    function = chance.choice(world.functions)
    await asyncio.to_thread(function.kill)
    await asyncio.to_thread(_start, function)


def _start(function: Function) -> None:
    function.spawn()
    function.wait_until_ready()


async def freeze_function(world: World, chance: random.Random) -> None:
    function = chance.choice(world.functions)
    assert function.process is not None
    await _freeze([process.pid for process in _family(function.process.pid)], _hold(chance))


async def kill_postmaster(world: World, chance: random.Random) -> None:
    await asyncio.to_thread(world.postgres.kill)
    await asyncio.sleep(_hold(chance))
    await asyncio.to_thread(_start_postgres, world)


def _start_postgres(world: World) -> None:
    world.postgres.start()


async def restart_postgres(world: World, chance: random.Random) -> None:
    await asyncio.to_thread(world.postgres.stop)
    await asyncio.sleep(_hold(chance))
    await asyncio.to_thread(_start_postgres, world)


async def kill_backend(world: World, chance: random.Random) -> None:
    """PostgreSQL ends every other process as well, and recovers."""
    if backends := _backends(world):
        _signal([chance.choice(backends)], signal.SIGKILL)


async def freeze_backends(world: World, chance: random.Random) -> None:
    await _freeze(_backends(world), _hold(chance))


async def terminate_backends(world: World, chance: random.Random) -> None:
    _signal([backend for backend in _backends(world) if chance.random() < 0.7], signal.SIGTERM)


async def freeze_postgres(world: World, chance: random.Random) -> None:
    assert world.postgres.process is not None
    await _freeze([process.pid for process in _family(world.postgres.process.pid)], _hold(chance))


async def stall_link(world: World, chance: random.Random) -> None:
    """What functions send to PostgreSQL stays in the link; what they open meanwhile passes."""
    world.link.stall()
    await asyncio.sleep(_hold(chance))
    world.link.wake()


async def cut_stalled_link(world: World, chance: random.Random) -> None:
    """Functions lose their connections, and what these held is delivered later."""
    world.link.stall()
    await asyncio.sleep(0.2)
    world.link.cut()
    await asyncio.sleep(_hold(chance))
    world.link.wake()


async def promote_postgres(world: World, chance: random.Random) -> None:
    await asyncio.to_thread(world.admit_replicas)
    standby = await asyncio.to_thread(world.copy_postgres)
    demoted, world.postgres = world.postgres, standby
    await asyncio.to_thread(demoted.kill)
    world.link.turn(standby.socket_dir)
    await asyncio.to_thread(_promote, standby)
    shutil.rmtree(demoted.folder)


def _promote(standby: Postgres) -> None:
    with standby.connect() as connection:
        connection.run("SELECT pg_promote()")
        connection.run("ALTER SYSTEM RESET synchronous_standby_names")
        connection.run("SELECT pg_reload_conf()")


async def postgres_is_read_only(world: World, chance: random.Random) -> None:
    """What is opened meanwhile stays read-only for as long as it lives."""
    await asyncio.to_thread(_sql, world, "ALTER SYSTEM SET default_transaction_read_only = on")
    await terminate_backends(world, chance)
    await asyncio.sleep(_hold(chance))
    await asyncio.to_thread(_sql, world, "ALTER SYSTEM RESET default_transaction_read_only")


async def change_session_defaults(world: World, chance: random.Random) -> None:
    """Sessions that are opened meanwhile find settings that change how values are written, and what names mean."""
    for setting in SESSION_DEFAULTS:
        await asyncio.to_thread(_sql, world, f"ALTER DATABASE {DATABASE} SET {setting}")
    await terminate_backends(world, chance)
    await asyncio.sleep(_hold(chance))
    await asyncio.to_thread(_sql, world, f"ALTER DATABASE {DATABASE} RESET ALL")


def _sql(world: World, statement: str) -> None:
    with world.postgres.connect() as connection:
        connection.run(statement)
        connection.run("SELECT pg_reload_conf()")


async def fill_disk(world: World, chance: random.Random) -> None:
    """PostgreSQL may end when it cannot write its log; it is started again when there is room."""
    small_disk.fill(world.disk)
    await asyncio.sleep(_hold(chance))
    small_disk.free(world.disk)
    await asyncio.to_thread(_start_if_ended, world.postgres)


def _start_if_ended(postgres: Postgres) -> None:
    assert postgres.process is not None
    try:
        # It may be on its way out: a process that ended while it recovered takes the postmaster with it.
        postgres.process.wait(1.5)
    except subprocess.TimeoutExpired:
        return
    postgres.kill()
    postgres.start()


async def kill_valkey(world: World, chance: random.Random) -> None:
    await asyncio.to_thread(world.valkey.kill)
    await asyncio.sleep(_hold(chance))
    await asyncio.to_thread(world.valkey.start)


async def restore_old_valkey(world: World, chance: random.Random) -> None:
    """It comes back with a snapshot of some time before."""
    await asyncio.to_thread(_command, world, "SAVE")
    await asyncio.sleep(_hold(chance))
    await asyncio.to_thread(world.valkey.kill)
    await asyncio.to_thread(world.valkey.start)


async def freeze_valkey(world: World, chance: random.Random) -> None:
    assert world.valkey.process is not None
    await _freeze([world.valkey.process.pid], _hold(chance))


async def flush_valkey(world: World, chance: random.Random) -> None:
    await asyncio.to_thread(_command, world, "FLUSHALL")


async def kill_clients(world: World, chance: random.Random) -> None:
    kind = chance.choice(["normal", "pubsub"])
    await asyncio.to_thread(_command, world, "CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")


async def valkey_lacks_replicas(world: World, chance: random.Random) -> None:
    await asyncio.to_thread(_command, world, "CONFIG", "SET", "min-replicas-to-write", "1")
    await asyncio.sleep(_hold(chance))
    await asyncio.to_thread(_command, world, "CONFIG", "SET", "min-replicas-to-write", "0")


async def valkey_is_full(world: World, chance: random.Random) -> None:
    await asyncio.to_thread(_command, world, "CONFIG", "SET", "maxmemory", "1")
    await asyncio.sleep(_hold(chance))
    await asyncio.to_thread(_command, world, "CONFIG", "SET", "maxmemory", str(world.valkey.memory_bytes))


async def valkey_is_demoted(world: World, chance: random.Random) -> None:
    """It is a replica of nothing for a while, and so read-only."""
    await asyncio.to_thread(_command, world, "REPLICAOF", "127.0.0.1", "1")
    await asyncio.sleep(_hold(chance))
    await asyncio.to_thread(_command, world, "REPLICAOF", "NO", "ONE")


def _command(world: World, *words: str) -> None:
    _command_to(world.valkey, *words)


def _command_to(valkey: Valkey, *words: str) -> None:
    with Redis(valkey.host, valkey.port) as redis:
        redis.execute_command(*words)


async def promote_valkey(world: World, chance: random.Random) -> None:
    """A replica takes over that lacks the last writes; the primary of before is dead, or refuses writes."""
    replica = world.new_valkey()
    await asyncio.to_thread(replica.start)
    await asyncio.to_thread(_follow, world, replica)
    await asyncio.sleep(_hold(chance))
    demoted, world.valkey = world.valkey, replica
    if chance.random() < 0.5:
        await asyncio.to_thread(demoted.kill)
    else:
        await asyncio.to_thread(_command_to, demoted, "REPLICAOF", "127.0.0.1", "1")
    world.way.turn(replica.port)
    await asyncio.sleep(_hold(chance))
    await asyncio.to_thread(demoted.stop)
    shutil.rmtree(demoted.folder)


def _follow(world: World, replica: Valkey) -> None:
    """Let it have what the primary has now, and nothing of later."""
    _command_to(replica, "REPLICAOF", world.valkey.host, str(world.valkey.port))
    with Redis(replica.host, replica.port) as redis:
        while redis.info("replication")["master_link_status"] != "up":
            pass
        redis.execute_command("REPLICAOF", "NO", "ONE")


async def valkey_cannot_save(world: World, chance: random.Random) -> None:
    """It takes no writes since its last snapshot failed: a folder stands where that should be."""
    taken = world.valkey.folder / "dump.rdb"
    await asyncio.to_thread(_stand_in_the_way, world, taken)
    await asyncio.sleep(_hold(chance))
    await asyncio.to_thread(_command, world, "CONFIG", "SET", "save", "")
    shutil.rmtree(taken)


def _stand_in_the_way(world: World, taken: Path) -> None:
    taken.unlink(missing_ok=True)
    (taken / "in the way").mkdir(parents=True)
    with world.redis() as redis:
        redis.config_set("save", "3600 1")
        redis.config_set("stop-writes-on-bgsave-error", "yes")
        redis.bgsave()
        while redis.info("persistence")["rdb_last_bgsave_status"] != "err":
            pass


async def kill_storage(world: World, chance: random.Random) -> None:
    await asyncio.to_thread(world.storage.kill)
    await asyncio.sleep(_hold(chance))
    await asyncio.to_thread(world.storage.start)


async def freeze_storage(world: World, chance: random.Random) -> None:
    assert world.storage.process is not None
    await _freeze([process.pid for process in _family(world.storage.process.pid)], _hold(chance))


async def issuer_is_away(world: World, chance: random.Random) -> None:
    await _disturb(world, chance, issuer_faults.unavailable)


async def issuer_breaks_off(world: World, chance: random.Random) -> None:
    await _disturb(world, chance, chance.choice([issuer_faults.reset, issuer_faults.incomplete]))


async def issuer_is_odd(world: World, chance: random.Random) -> None:
    await _disturb(world, chance, chance.choice(issuer_faults.odd))


async def _disturb(world: World, chance: random.Random, fault: issuer_faults.IssuerFault) -> None:
    """The issuer does something else than answering, half of the times when it signs with a new key."""
    world.issuer.fault = fault
    if chance.random() < 0.5:
        await asyncio.to_thread(world.issuer.rotate, f"key-{chance.getrandbits(64):x}")
    await asyncio.sleep(_hold(chance))
    world.issuer.fault = None


async def set_clock_forward(world: World, chance: random.Random) -> None:
    await _set_clock(world, chance, CLOCK_SECONDS)


async def set_clock_back(world: World, chance: random.Random) -> None:
    await _set_clock(world, chance, -CLOCK_SECONDS)


async def _set_clock(world: World, chance: random.Random, ahead: float) -> None:
    """One instance's clock is wrong for a while."""
    function = chance.choice(world.functions)
    function.set_ahead(ahead)
    await asyncio.sleep(_hold(chance))
    function.set_ahead(0)


async def _freeze(processes: list[int], seconds: float) -> None:
    _signal(processes, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        _signal(processes, signal.SIGCONT)


def _signal(processes: list[int], number: signal.Signals) -> None:
    for process in processes:
        try:
            os.kill(process, number)
        except ProcessLookupError:
            continue


def _family(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def _backends(world: World) -> list[int]:
    """Return the processes that serve functions."""
    with world.postgres.connect() as connection:
        return [
            pid
            for (pid,) in connection.run(
                "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname = 'utxoiq'"
            )
        ]


FAULTS: dict[str, Fault] = {
    fault.__name__: fault
    for fault in (
        kill_function,
        freeze_function,
        kill_postmaster,
        restart_postgres,
        kill_backend,
        freeze_backends,
        terminate_backends,
        freeze_postgres,
        stall_link,
        cut_stalled_link,
        promote_postgres,
        postgres_is_read_only,
        change_session_defaults,
        fill_disk,
        kill_valkey,
        restore_old_valkey,
        freeze_valkey,
        flush_valkey,
        kill_clients,
        valkey_lacks_replicas,
        valkey_is_full,
        valkey_is_demoted,
        promote_valkey,
        valkey_cannot_save,
        kill_storage,
        freeze_storage,
        issuer_is_away,
        issuer_breaks_off,
        issuer_is_odd,
        set_clock_forward,
        set_clock_back,
    )
}
