"""What it costs to know who calls and to count it, once a function is warm."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeVar

from tests.benchmarks.callers import Callers

from utxoiq_http.config import IdentitySettings
from utxoiq_http.identity import Identities
from utxoiq_persistence.config import Settings
from utxoiq_persistence.store import Store

T = TypeVar("T")

KNOWN = 50_000
NEW = 500
AT_ONCE = 32
LIMIT = 10**9


def costs(callers: Callers, environment: Mapping[str, str]) -> dict[str, float]:
    """Microseconds a request. environment: of a function."""
    return asyncio.run(_costs(callers, environment))


async def _costs(callers: Callers, environment: Mapping[str, str]) -> dict[str, float]:
    tokens = [{b"authorization": f"Bearer {callers.token(f'user-{number}')}".encode()} for number in range(NEW)]
    key = {b"x-api-key": callers.api_key.encode()}
    async with Store.opened(Settings.from_environment(environment)) as store:
        identities = Identities(IdentitySettings.from_environment(environment), store.key_ring)
        await identities.identify(tokens[0])  # fetches the issuer's keys
        return {
            "a token seen for the first time (RS256)": await _microseconds(identities.identify, tokens[1:]),
            "a token seen before": await _microseconds(identities.identify, [tokens[0]] * KNOWN),
            "an API key": await _microseconds(identities.identify, [key] * KNOWN),
            "counting a request, one at a time": await _microseconds(_take(store), ["one"] * (KNOWN // 10)),
            f"counting a request, {AT_ONCE} at once": await _microseconds(_take(store), ["many"] * KNOWN, AT_ONCE),
        }


def _take(store: Store) -> Callable[[str], Awaitable[object]]:
    return lambda name: store.rate_limits.take(name, LIMIT)


async def _microseconds(work: Callable[[T], Awaitable[object]], parts: list[T], at_once: int = 1) -> float:
    async def work_on(some: Iterable[T]) -> None:
        for part in some:
            await work(part)

    pending = iter(parts)
    started = time.perf_counter()
    await asyncio.gather(*(work_on(pending) for _ in range(at_once)))
    return 1e6 * (time.perf_counter() - started) / len(parts)
