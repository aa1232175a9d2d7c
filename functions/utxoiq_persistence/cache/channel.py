"""The channel on which instances tell each other which cache tags changed, with a lease on what was heard.

A pub/sub connection delivers in order, so an answer to a PING says that everything published before the PING has been
heard. What the process holds may be served until LEASE_SECONDS after the last PING that was answered; a channel that is
lost, slow or frozen (a function without CPU between two requests) lets the lease end by itself.
"""

import asyncio
import time
from collections.abc import Callable

from utxoiq_persistence import background
from utxoiq_persistence.background import end
from utxoiq_persistence.redis.client import PubSub, Redis

CHANNEL = "cache:changed"
# Between the tags of one message; no tag holds it, as no string that PostgreSQL stores does.
SEPARATOR = "\0"
LEASE_SECONDS = 0.09
PING_SECONDS = 0.03
IDLE_SECONDS = 2.0
SILENCE_SECONDS = 1.0
RECONNECT_SECONDS = 0.25


class Channel:
    """changed(tag) is called for each tag that any instance changed, lost() whenever something may have been missed."""

    def __init__(self, redis: "Redis", changed: Callable[[str], None], lost: Callable[[], None]) -> None:
        self._redis = redis
        self._changed = changed
        self._lost = lost
        self._heard_until = 0.0
        self._last_use = 0.0
        self._used = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = background.start("listening for changes of the cache", self._listen, RECONNECT_SECONDS)

    async def close(self) -> None:
        await end(self._task)

    def is_current(self) -> bool:
        """Whether everything published more than LEASE_SECONDS ago has been heard. Asking keeps the channel awake."""
        now = time.monotonic()
        self._last_use = now
        if not self._used.is_set():
            self._used.set()
        return now - self._heard_until < LEASE_SECONDS

    async def _listen(self) -> None:
        try:
            await self._subscription()
        finally:
            # Nothing heard, nothing held, whatever ended it.
            self._heard_until = 0.0
            self._lost()

    async def _subscription(self) -> None:
        async with self._redis.pubsub() as subscriber:
            await subscriber.subscribe(CHANNEL)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._ping(subscriber))
                while True:
                    message = await subscriber.get_message(timeout=None)
                    if message is None:
                        continue
                    if message["type"] == "message":
                        for tag in message["data"].decode().split(SEPARATOR):
                            self._changed(tag)
                    elif message["type"] == "pong":
                        self._heard_until = float(message["data"])
                    elif message["type"] == "subscribe":
                        self._lost()  # what was published before this was not heard

    async def _ping(self, subscriber: PubSub) -> None:
        """Raises ConnectionError where the other side has been silent for SILENCE_SECONDS."""
        awake_since = time.monotonic()
        while True:
            now = time.monotonic()
            if now - self._last_use > IDLE_SECONDS:
                self._used.clear()
                await self._used.wait()
                awake_since = time.monotonic()
            elif now - max(self._heard_until, awake_since) > SILENCE_SECONDS:
                raise ConnectionError("the invalidation channel is silent")
            await subscriber.ping(repr(time.monotonic()))
            await asyncio.sleep(PING_SECONDS)
