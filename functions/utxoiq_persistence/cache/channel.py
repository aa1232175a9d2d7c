"""The invalidation channel, on which instances tell each other which cache tags changed.

A pub/sub connection delivers in order, so a beat that was published and heard says that everything published before it
has been heard. It goes the way that news of writes go, so it also says that Redis takes writes and is the one that this
instance listens to. Entries in the process may be served until LEASE_SECONDS after the last beat that was heard. If the
channel is lost, slow or frozen (a function without CPU between two requests), the lease ends by itself.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable

from utxoiq_persistence import background
from utxoiq_persistence.background import end
from utxoiq_persistence.redis.client import Redis

CHANNEL = "cache:changed"
# This separates the tags of one message. No tag contains it, since PostgreSQL stores no string that does.
SEPARATOR = "\0"
LEASE_SECONDS = 0.09
BEAT_SECONDS = 0.03
IDLE_SECONDS = 2.0
SILENCE_SECONDS = 1.0
RECONNECT_SECONDS = 0.25


class Channel:
    """Listens for changed tags."""

    def __init__(
        self,
        redis: "Redis",
        beat: Callable[[str, str], Awaitable[None]],
        changed: Callable[[str], None],
        lost: Callable[[], None],
    ) -> None:
        """Listen to nothing yet.

        Args:
            redis: The client to listen with.
            beat: Publishes a message on a channel, as other instances publish changes; does nothing where it cannot.
            changed: Is called with each changed tag.
            lost: Is called whenever a message may have been missed.
        """
        self._redis = redis
        self._beat = beat
        self._beats = f"cache:beat:{uuid.uuid4().hex}"
        self._given_up = False
        self._changed = changed
        self._lost = lost
        self._heard_until = 0.0
        self._last_use = 0.0
        self._used = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start to listen."""
        self._task = background.start("listening for changes of the cache", self._listen, RECONNECT_SECONDS)

    async def close(self) -> None:
        """Stop listening."""
        await end(self._task)

    def give_up(self) -> None:
        """Give the connection up; the next one may lead to another server."""
        self._heard_until = 0.0
        self._given_up = True
        self._used.set()

    def is_current(self) -> bool:
        """Return whether everything published more than LEASE_SECONDS ago was received.

        The call keeps the channel awake.
        """
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
        self._given_up = False
        async with self._redis.pubsub() as subscriber:
            await subscriber.subscribe(CHANNEL, self._beats)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._keep_beating())
                while True:
                    message = await subscriber.get_message(timeout=None)
                    if message is None:
                        continue
                    if message["type"] == "message" and message["channel"] == self._beats.encode():
                        self._hear(float(message["data"]))
                    elif message["type"] == "message":
                        for tag in message["data"].decode().split(SEPARATOR):
                            self._changed(tag)
                    elif message["type"] == "subscribe":
                        self._lost()  # what was published before this was not received

    def _hear(self, sent: float) -> None:
        if not self._given_up:
            self._heard_until = sent

    async def _keep_beating(self) -> None:
        """Raises ConnectionError where nothing was heard for SILENCE_SECONDS, or the connection is given up."""
        awake_since = time.monotonic()
        while True:
            now = time.monotonic()
            if self._given_up:
                raise ConnectionError("the server of the invalidation channel was given up")
            if now - self._last_use > IDLE_SECONDS:
                self._used.clear()
                await self._used.wait()
                awake_since = time.monotonic()
            elif now - max(self._heard_until, awake_since) > SILENCE_SECONDS:
                raise ConnectionError("the invalidation channel is silent")
            await self._beat(self._beats, repr(now))
            await asyncio.sleep(BEAT_SECONDS)
