"""Keeps servers running: starts them, sees at once when one ends, says so, and starts it again.

A server that nobody needs for now is put to rest: its process ends, until somebody wakes it.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import IntEnum, StrEnum
from functools import partial
from typing import Any, TypeVar

import psutil

from local_cloud import background
from local_cloud.processes.server import PROBE_SECONDS, Server, ServerFailed, end_group, kill_tree
from local_cloud.state import State

T = TypeVar("T")

FIRST_BACKOFF = 0.1
LONGEST_BACKOFF = 10.0
# Up for this long, a server that ends again is started again at once.
HEALTHY_SECONDS = 30.0
# As Cloud Run gives an instance.
START_SECONDS = 240.0
STOP_SECONDS = 10.0
MAX_SERVERS = 64

PROCESSES = "processes"


class Tier(IntEnum):
    """Servers of a higher tier need those of a lower one, and are stopped before them."""

    SERVER = 0
    REPLICA = 1
    FUNCTION = 2


class Health(StrEnum):
    """What a server is doing."""

    STARTING = "starting"
    UP = "up"
    RESTING = "resting"
    DOWN = "down"
    STOPPED = "stopped"


class Supervised:
    """One server. Its process is the supervisor's to start and to end."""

    def __init__(self, server: Server, tier: Tier) -> None:
        self.server = server
        self.tier = tier
        self.health = Health.STARTING
        self.restarts = 0
        self.task: asyncio.Task[None] | None = None
        # Of the process that runs; None where there is none.
        self.ended: asyncio.Future[int] | None = None
        self.since = 0.0
        self.backoff = FIRST_BACKOFF
        self.stopping = asyncio.Event()
        # Set to have it rest, and to have it serve again.
        self.rest = asyncio.Event()
        self.wake = asyncio.Event()
        # Those who wait until it serves, or has failed to.
        self.waiting: list[asyncio.Future[None]] = []

    @property
    def name(self) -> str:
        """Return the server's name."""
        return self.server.name

    @property
    def serves(self) -> bool:
        """Return whether the server is up."""
        return self.health is Health.UP

    @property
    def pid(self) -> int | None:
        """Return the id of its process; None while it has none."""
        process = self.server.process
        return process.pid if process is not None and process.poll() is None else None

    def end_waiting(self) -> None:
        """Tell whoever waits for the server that it serves, or that it does not start."""
        if not self.serves:
            self.health = Health.DOWN
        waiting, self.waiting = self.waiting, []
        for one in waiting:
            if not one.done():
                if self.serves:
                    one.set_result(None)
                else:
                    one.set_exception(ServerFailed(f"{self.name} does not start"))


class Supervisor:
    """Starts servers, and starts them again when they end. say: prints a line for the person at the terminal."""

    def __init__(self, state: State, say: Callable[[str], None]) -> None:
        self.servers: dict[str, Supervised] = {}
        self._state = state
        self._say = say
        # One thread a server waits for its end; so no end is seen late.
        self._threads = ThreadPoolExecutor(MAX_SERVERS, thread_name_prefix="supervisor")

    async def start(self, server: Server, *, tier: Tier = Tier.SERVER) -> Supervised:
        """Return when the server serves, and keep it serving from then on. Raises ServerFailed."""
        if server.name in self.servers:
            raise ServerFailed(f"two servers are called {server.name}")
        supervised = Supervised(server, tier)
        server.spawned = partial(self.remember, server.name)
        self.servers[server.name] = supervised
        await self._bring_up(supervised)
        supervised.task = background.start(
            f"keeping {server.name} up",
            partial(self._keep_up, supervised),
            0,
            say=self._say,
            until=supervised.stopping.is_set,
        )
        return supervised

    def rest(self, supervised: Supervised) -> None:
        """End a server's process until somebody wakes it. Do nothing where it does not serve."""
        if supervised.serves:
            supervised.health = Health.RESTING
            supervised.wake.clear()
            supervised.rest.set()

    async def wake(self, supervised: Supervised) -> None:
        """Return when a server serves that was at rest. Raises ServerFailed."""
        if supervised.health is not Health.RESTING:
            return
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        supervised.waiting.append(waiting)
        supervised.wake.set()
        await waiting

    async def stop(self) -> None:
        """End all servers, those of the highest tier first."""
        for tier in sorted({supervised.tier for supervised in self.servers.values()}, reverse=True):
            await asyncio.gather(*(self._stop_one(one) for one in self.servers.values() if one.tier == tier))
        self._threads.shutdown()
        self._state.replace(PROCESSES, {})

    async def _bring_up(self, supervised: Supervised) -> None:
        """Return when it serves. Raises ServerFailed."""
        server = supervised.server
        await self._in_thread(server.prepare)
        if supervised.stopping.is_set():
            raise ServerFailed(f"{server.name} was stopped before it started")
        process = server.spawn()
        ended = asyncio.ensure_future(self._in_thread(process.wait))
        try:
            await self._wait_until_it_serves(server, ended)
        except Exception:
            await self._in_thread(kill_tree, process.pid)  # it may run all the same
            raise
        supervised.ended, supervised.since = ended, time.monotonic()
        supervised.health = Health.UP

    async def _wait_until_it_serves(self, server: Server, ended: "asyncio.Future[int]") -> None:
        """Return when it serves. Raises ServerFailed."""
        deadline = time.monotonic() + START_SECONDS
        while not await self._in_thread(server.probe):
            await asyncio.wait({ended}, timeout=PROBE_SECONDS)
            if ended.done():
                raise ServerFailed(
                    f"{server.name} ended before it served ({_describe_end(ended.result())})\n{server.log_tail()}"
                )
            if time.monotonic() > deadline:
                raise ServerFailed(f"{server.name} did not serve within {START_SECONDS:g} s\n{server.log_tail()}")

    async def _keep_up(self, supervised: Supervised) -> None:
        """Wait for its end, and then try once to start it again; where that fails, the next round tries."""
        if supervised.ended is not None:
            await _wait_for_first(supervised.rest, supervised.stopping, end=supervised.ended)
            if supervised.stopping.is_set():
                await supervised.ended
                return
            if supervised.rest.is_set():
                await self._rest_until_woken(supervised)
                return
            self._note_end(supervised, supervised.ended.result())
        if await _wait_for(supervised.stopping, supervised.backoff):
            return
        supervised.backoff = min(supervised.backoff * 2, LONGEST_BACKOFF)
        if await self._try_to_bring_up(supervised):
            supervised.restarts += 1
            self._say(f"{supervised.name} is up again")

    async def _try_to_bring_up(self, supervised: Supervised) -> bool:
        try:
            await self._bring_up(supervised)
        except (ServerFailed, OSError) as failure:
            supervised.health = Health.DOWN
            if not supervised.stopping.is_set():
                self._say(f"{failure}\n{supervised.name}: trying again in {supervised.backoff:g} s")
            return False
        return True

    async def _rest_until_woken(self, supervised: Supervised) -> None:
        await self._in_thread(supervised.server.stop, STOP_SECONDS)
        supervised.ended = None
        await _wait_for_first(supervised.wake, supervised.stopping)
        supervised.rest.clear()
        try:
            if not supervised.stopping.is_set():
                await self._try_to_bring_up(supervised)
        finally:
            supervised.end_waiting()

    def _note_end(self, supervised: Supervised, code: int) -> None:
        supervised.ended = None
        supervised.health = Health.DOWN
        if supervised.server.process is not None:
            end_group(supervised.server.process.pid)
        if time.monotonic() - supervised.since > HEALTHY_SECONDS:
            supervised.backoff = FIRST_BACKOFF
        self._say(f"{supervised.name} ended ({_describe_end(code)}); starting it again")

    async def _stop_one(self, supervised: Supervised) -> None:
        supervised.stopping.set()
        await self._in_thread(supervised.server.stop, STOP_SECONDS)
        while supervised.task is not None and not supervised.task.done():
            # It may have been about to start the server again.
            await asyncio.wait({supervised.task}, timeout=PROBE_SECONDS)
            await self._in_thread(supervised.server.stop, STOP_SECONDS)
        supervised.health = Health.STOPPED

    async def _in_thread(self, work: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    def remember(self, name: str, pid: int) -> None:
        """Record a process, one that others start too, so that it is found when this deployer is killed."""
        self._state.put(PROCESSES, name, [pid, psutil.Process(pid).create_time()])


def end_leftovers(state: State) -> list[str]:
    """Kill what a deployer that was killed has left running, forget it, and return the names."""
    ended = kill_leftovers(state)
    state.replace(PROCESSES, {})
    return ended


def kill_leftovers(state: State) -> list[str]:
    """Kill what a deployer that was killed has left running, and return the names; the state is not written."""
    ended = []
    for name, (pid, created) in state.section(PROCESSES).items():
        members = _find_session(pid, created)
        for member in members:
            kill_tree(member.pid)
        if members:
            ended.append(name)
    return ended


def find_leftovers(state: State) -> list[str]:
    """Return the names of the servers that still run, of a deployer that does not."""
    return [name for name, (pid, created) in state.section(PROCESSES).items() if _find_session(pid, created)]


def _find_session(leader: int, created: float) -> list[psutil.Process]:
    """Return what runs of a server's session: each leads one of its own, and its crash leaves the others in it."""
    if created < psutil.boot_time() or (psutil.pid_exists(leader) and not _is_same_process(leader, created)):
        return []  # its id is a stranger's now
    members = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                members.append(process)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return members


def _is_same_process(pid: int, created: float) -> bool:
    """Return whether an id is still of the same process: ids are used again, moments of creation are not."""
    try:
        return abs(psutil.Process(pid).create_time() - created) < 0.02
    except psutil.NoSuchProcess:
        return False


def is_running(pid: int, created: float) -> bool:
    """Return whether that very process runs. created: epoch seconds, since ids are used again."""
    try:
        return _is_same_process(pid, created) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def _wait_for_first(*events: asyncio.Event, end: "asyncio.Future[int] | None" = None) -> None:
    """Return when one of the events has come about, or a process has ended."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        ends: list[asyncio.Future[Any]] = [*waits, *([] if end is None else [end])]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def _wait_for(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


def _describe_end(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
