"""Processes that end are seen, said and started again; what is told to end ends whole."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
from tests.system.running import alive, until

from local_cloud.processes.function_process import limit_memory, may_have_grown
from local_cloud.processes.server import Server, ServerFailed
from local_cloud.processes.supervisor import PROCESSES, Health, Supervised, Supervisor, end_leftovers
from local_cloud.state import State

IMPORT = "from pathlib import Path; import os, signal, subprocess, sys;"
SERVE = "Path(sys.argv[1]).touch(); signal.pause()"
# A child that stays when its parent is killed.
BEAR = "subprocess.Popen(['sleep', '1000']);"
# One that was killed may not have been given the time to end yet.
END_SECONDS = 60


class Script(Server):
    """Python that says in a file that it is ready."""

    name = "script"

    def __init__(self, folder: Path, code: str) -> None:
        super().__init__(folder, folder / "script.log")
        self._code = code
        self._ready = folder / "ready"

    def prepare(self) -> None:
        self._ready.unlink(missing_ok=True)

    def command(self) -> Sequence[str]:
        return [sys.executable, "-c", self._code, str(self._ready)]

    def probe(self) -> bool:
        return self._ready.exists()


class Said(list[str]):
    def __init__(self) -> None:
        super().__init__()
        self._more = asyncio.Event()

    def __call__(self, line: str) -> None:
        self.append(line)
        self._more.set()

    async def until(self, text: str) -> None:
        async with asyncio.timeout(60):
            while not any(text in line for line in self):
                self._more.clear()
                await self._more.wait()


@asynccontextmanager
async def supervising(folder: Path) -> AsyncIterator[tuple[Supervisor, Said]]:
    said = Said()
    supervisor = Supervisor(State(folder / "state"), said)
    try:
        yield supervisor, said
    finally:
        await supervisor.stop()


def test_a_process_that_is_killed_is_started_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with supervising(tmp_path) as (supervisor, said):
            script = await supervisor.start(Script(tmp_path, IMPORT + SERVE))
            first = script.pid
            assert first is not None
            os.kill(first, 9)
            await said.until("script is up again")
            assert script.pid not in (None, first)
            assert said[0] == "script ended (killed by SIGKILL); starting it again"
        assert script.pid is None

    asyncio.run(scenario())


def test_a_process_that_never_serves_fails_with_its_last_words(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with supervising(tmp_path) as (supervisor, _):
            with pytest.raises(ServerFailed, match=r"exit status 3(.|\n)*no such table"):
                await supervisor.start(Script(tmp_path, "import sys; print('no such table'); sys.exit(3)"))

    asyncio.run(scenario())


def test_nothing_of_a_process_is_left_when_it_was_killed_or_stopped(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with supervising(tmp_path) as (supervisor, said):
            script = await supervisor.start(Script(tmp_path, IMPORT + BEAR + SERVE))
            assert script.pid is not None
            (orphan,) = psutil.Process(script.pid).children()
            os.kill(script.pid, 9)
            await said.until("script is up again")
            until(lambda: not alive([orphan]), END_SECONDS)
            (child,) = psutil.Process(script.pid).children()
        until(lambda: not alive([child]), END_SECONDS)

    asyncio.run(scenario())


def test_what_a_killed_deployer_left_running_is_ended(tmp_path: Path) -> None:
    state = State(tmp_path / "state")
    script = Script(tmp_path, IMPORT + BEAR + SERVE).start()
    assert script.process is not None
    process = psutil.Process(script.process.pid)
    (child,) = process.children()
    stranger = [os.getpid(), psutil.Process().create_time() - 60]  # an id that is used again
    state.replace(PROCESSES, {"script": [process.pid, process.create_time()], "stranger": stranger})
    assert end_leftovers(state) == ["script"]
    script.process.wait()
    until(lambda: not alive([child]), END_SECONDS)


def test_a_function_over_its_memory_is_ended_and_said(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with supervising(tmp_path) as (supervisor, said):
            hog = "held = bytearray(os.urandom(80 * 2**20));"
            script = await supervisor.start(Script(tmp_path, IMPORT + hog + SERVE))
            watch = limit_memory(script, 64 * 2**20, lambda: 0.0, said)
            await said.until("more than its 64 MiB")
            await said.until("starting it again")
            watch.cancel()

    asyncio.run(scenario())


class Odd(Script):
    """Its second start fails."""

    starts = 0

    def prepare(self) -> None:
        super().prepare()
        self.starts += 1
        if self.starts == 2:
            raise ValueError("something nobody thought of")


def test_a_start_that_fails_in_an_odd_way_is_tried_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with supervising(tmp_path) as (supervisor, said):
            script = await supervisor.start(Odd(tmp_path, IMPORT + SERVE))
            assert script.pid is not None
            os.kill(script.pid, 9)
            await said.until("script is up again")
            assert any("keeping script up failed and goes on: ValueError" in line for line in said)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("since", "unused", "grown"),
    [(1.0, 0.0, True), (1.0, 1.0, True), (1.0, 2.0, False), (59.0, 100.0, False), (60.0, 100.0, True)],
)
def test_the_memory_of_a_process_that_nobody_used_is_seldom_read(since: float, unused: float, grown: bool) -> None:
    assert may_have_grown(since, unused) is grown


async def put_to_rest(supervisor: Supervisor, supervised: Supervised) -> None:
    process = psutil.Process(supervised.pid)
    supervisor.rest(supervised)
    assert supervised.health is Health.RESTING
    async with asyncio.timeout(END_SECONDS):
        while supervised.pid is not None or alive([process]):  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.01)


def test_a_process_that_rests_is_started_by_the_first_who_needs_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with supervising(tmp_path) as (supervisor, said):
            script = await supervisor.start(Script(tmp_path, IMPORT + SERVE))
            for _ in range(2):
                await put_to_rest(supervisor, script)
                await asyncio.gather(*(supervisor.wake(script) for _ in range(5)))
                assert (script.health, script.restarts) == (Health.UP, 0)
                assert script.pid is not None
            await supervisor.wake(script)
            assert said == []

    asyncio.run(scenario())


def test_who_wakes_a_process_that_is_just_put_to_rest_gets_one_that_serves(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with supervising(tmp_path) as (supervisor, _):
            script = await supervisor.start(Script(tmp_path, IMPORT + SERVE))
            before = script.pid
            supervisor.rest(script)
            await supervisor.wake(script)
            assert script.serves
            assert script.pid not in (None, before)

    asyncio.run(scenario())


def test_a_process_that_rests_can_be_stopped_whoever_waits_for_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with supervising(tmp_path) as (supervisor, _):
            script = await supervisor.start(Script(tmp_path, IMPORT + SERVE))
            await put_to_rest(supervisor, script)
        assert script.health is Health.STOPPED

    asyncio.run(scenario())


def test_who_wakes_a_process_is_answered_however_its_start_fails(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with supervising(tmp_path) as (supervisor, said):
            script = await supervisor.start(Odd(tmp_path, IMPORT + SERVE))
            await put_to_rest(supervisor, script)
            async with asyncio.timeout(END_SECONDS):
                with pytest.raises(ServerFailed, match="script does not start"):
                    await supervisor.wake(script)
            await said.until("script is up again")

    asyncio.run(scenario())


def test_one_that_does_not_start_any_more_is_said_to_who_needs_it_and_tried_again(tmp_path: Path) -> None:
    broken = tmp_path / "broken"

    async def scenario() -> None:
        async with supervising(tmp_path) as (supervisor, said):
            code = IMPORT + f"os.path.exists({str(broken)!r}) and sys.exit('worn out');" + SERVE
            script = await supervisor.start(Script(tmp_path, code))
            await put_to_rest(supervisor, script)
            broken.touch()
            with pytest.raises(ServerFailed, match="script does not start"):
                await supervisor.wake(script)
            await said.until("worn out")
            broken.unlink()
            await said.until("script is up again")

    asyncio.run(scenario())
