"""A run: the load, and faults one after the other, as a seed says."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.faults.injections import FAULTS
from tests.faults.load import Load
from tests.faults.records import Report
from tests.faults.world import World

CALM_SECONDS = 0.3
GIVEN_UP_SECONDS = 60.0
# After so many faults what was lost or doubled is counted, and told: a run that is cut short has told most of it.
TABLE_EVERY = 50


async def run(
    folder: Path,
    functions: Sequence[str],
    faults: Sequence[str],
    seed: int,
    tell: Callable[[str], None] = lambda _: None,
    ends_early: Callable[[], bool] = lambda: False,
) -> Report:
    """Inject faults while the load runs, all or until it ends early, and return what came of it."""
    chance = random.Random(seed)  # noqa: S311
    report = Report()
    async with World(folder, functions).running() as world:
        load = Load(world, report)
        await load.start()
        for number, name in enumerate(faults, start=1):
            if ends_early():
                break
            if name == "fill_disk" and not world.has_small_disk:
                tell(f"{number} {name}: left out, since this user may not mount a small disk")
                continue
            await asyncio.sleep(CALM_SECONDS)
            await FAULTS[name](world, chance)
            took = await _recovery(load)
            report.faults[name] += 1
            report.recoveries.setdefault(name, []).append(took)
            bad = {kind: count for kind, count in report.violations.items() if count}
            tell(f"{number} {name}: works again after {took:.2f} s{f'; {bad}' if bad else ''}")
            if number % TABLE_EVERY == 0:
                await load.settle()
                tell("\n".join(report.lines()))
        await load.stop()
        await load.settle()
    return report


def choose(count: int, seed: int) -> list[str]:
    """Return so many faults: each kind as often as every other one, in an order of chance."""
    chance = random.Random(seed)  # noqa: S311
    names = (list(FAULTS) * (count // len(FAULTS) + 1))[:count]
    chance.shuffle(names)
    return names


async def _recovery(load: Load) -> float:
    """Return after how many seconds every instance writes and reads again."""
    started = time.monotonic()
    while not await load.works():
        if time.monotonic() - started > GIVEN_UP_SECONDS:
            return float("inf")
        await asyncio.sleep(0.05)
    return time.monotonic() - started
