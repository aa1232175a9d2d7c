"""The invalidation channel, on which instances tell each other which cache tags changed.

A pub/sub connection delivers in order, so a beat that was published and heard says that everything published before it
has been heard. It goes the way that news of writes go, so it also says that Redis takes writes and is the one that this
instance listens to. Entries in the process may be served until LEASE_SECONDS after the last beat that was heard. If the
channel is lost, slow or frozen (a function without CPU between two requests), the lease ends by itself.

Who has the password of Redis can publish here, too. A beat is a random token that no one knows before it has gone
through the channel, so nobody prolongs a lease. News of changes are signed, but what is not costs only entries: it is
heeded all the same, as from a release that did not sign, and counted. The time of a change is not signed, since the
script that puts it there has no key: `Changes` says what is made of one that is replayed with another time.
"""

import asyncio
import secrets
import time
import uuid
from collections.abc import Awaitable, Callable, Collection

from utxoiq_persistence import background
from utxoiq_persistence.background import end
from utxoiq_persistence.redis.client import Redis
from utxoiq_persistence.redis.signing import Signer

CHANNEL = "cache:changed"
# This separates the tags of one message. No tag contains it, since PostgreSQL stores no string that does.
SEPARATOR = "\0"
LEASE_SECONDS = 0.09
BEAT_SECONDS = 0.03
IDLE_SECONDS = 2.0
SILENCE_SECONDS = 1.0
RECONNECT_SECONDS = 0.25
# The most beats that are remembered though they were not heard: more than are sent until silence ends the connection.
MAX_UNHEARD = 100
# Before the signature at the end of a message. To a release that signed nothing it is a tag that nobody has.
SIGNED = "hmac:"


def sign(signer: Signer, tags: Collection[str]) -> str:
    """Return the message that these tags changed, which the script that publishes it puts a time before."""
    text = SEPARATOR.join(tags)
    return f"{text}{SEPARATOR}{SIGNED}{signer.signature(CHANNEL, text.encode()).hex()}"


class Channel:
    """Listens for changed tags."""

    def __init__(
        self,
        redis: "Redis",
        beat: Callable[[str, str], Awaitable[None]],
        changed: Callable[[str, float | None], None],
        lost: Callable[[], None],
        signer: Signer,
    ) -> None:
        """Listen to nothing yet.

        Args:
            redis: The client to listen with.
            beat: Publishes a message on a channel, as other instances publish changes; does nothing where it cannot.
            changed: Is called with each changed tag, and when that was by the clock of Redis; None if nobody knows.
            lost: Is called whenever a message may have been missed.
            signer: Knows messages of functions.
        """
        self._redis = redis
        self._beat = beat
        self._signer = signer
        self._beats = f"cache:beat:{uuid.uuid4().hex}"
        # Beats that were published and not heard, oldest first, with the time of each.
        self._unheard: dict[bytes, float] = {}
        self._last_heard = b""
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
                        self._hear(message["data"])
                    elif message["type"] == "message":
                        self._heed(message["data"].decode(errors="replace"))
                    elif message["type"] == "subscribe":
                        self._lost()  # what was published before this was not received

    def _hear(self, beat: bytes) -> None:
        """Prolong the lease by a beat of this instance's, and forget those before it, which are lost."""
        sent = self._unheard.get(beat)
        if sent is None:
            # A pipeline whose answers are lost with its connection is sent again, and the last beat comes twice.
            self._signer.forgeries.count += beat != self._last_heard
            return
        self._last_heard = beat
        while next(iter(self._unheard)) != beat:
            del self._unheard[next(iter(self._unheard))]
        del self._unheard[beat]
        if not self._given_up:
            self._heard_until = sent

    def _heed(self, message: str) -> None:
        """Drop what a message names. Only one that a function has signed tells when that changed."""
        text, _, signature = message.rpartition(SEPARATOR)
        moment, _, tags = text.partition(SEPARATOR)
        known = self._signer.verify(CHANNEL, tags.encode(), _read_signature(signature))
        changed_at = float(moment) if known and _is_time(moment) else None
        for tag in (tags if known else message).split(SEPARATOR):
            self._changed(tag, changed_at)

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
            beat = secrets.token_hex(16)
            self._unheard[beat.encode()] = now
            if len(self._unheard) > MAX_UNHEARD:
                del self._unheard[next(iter(self._unheard))]
            await self._beat(self._beats, beat)
            await asyncio.sleep(BEAT_SECONDS)


def _read_signature(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix(SIGNED))
    except ValueError:
        return b""


def _is_time(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal() and text.isascii()
