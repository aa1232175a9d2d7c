"""API keys as callers send them: checked in the process, and looked up in the database again every few seconds."""

import asyncio
import math
import time
from collections import OrderedDict

from msgspec import Struct

from utxoiq_persistence import futures
from utxoiq_persistence.access.api_keys import digest_key, is_key
from utxoiq_persistence.errors import DatabaseUnavailable
from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.postgres.statements import load

_SQL = load("api_keys")
# A revocation takes effect everywhere within this time, with or without Redis.
TRUSTED_SECONDS = 2.0
# While the database is away, a key is accepted for this long after it was last found active.
GRACE_SECONDS = 60.0
MAX_HELD = 10_000


class KeyHolder(Struct, frozen=True):
    """Describes a key that a caller sent.

    Attributes:
        key_id: The key's id.
        name: The key's name.
        scopes: What the key allows.
        requests_per_hour: The limit of requests; None for the usual one.
        batches_per_hour: The limit of batches; None for the usual one.
        status: active, expired or revoked.
    """

    key_id: str
    name: str
    scopes: frozenset[str]
    requests_per_hour: int | None
    batches_per_hour: int | None
    status: str


class _Held(Struct):
    """Holds an active key until `until`. The database last confirmed it at `confirmed`; it expires at `expires`."""

    holder: KeyHolder
    confirmed: float
    expires: float
    until: float


class KeyRing:
    """Checks keys.

    Keys are looked up by their digests, so that the time a wrong key takes says nothing about a right one. Only active
    keys are held, so that wrong ones cannot displace them.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held: OrderedDict[bytes, _Held] = OrderedDict()
        self._flights: dict[bytes, asyncio.Task[KeyHolder | None]] = {}

    def knows(self, key: bytes) -> bool:
        """Return whether the key was active when it was last looked up; asks no database."""
        return digest_key(key) in self._held

    def recall(self, key: bytes) -> KeyHolder | None:
        """Return the holder of an active key that was looked up lately; None if it must be looked up."""
        held = self._held.get(digest_key(key))
        return held.holder if held is not None and held.until > time.monotonic() else None

    async def check(self, key: bytes) -> KeyHolder | None:
        """Return a key's holder, whatever the key's status, or None where there is no such key.

        Raises:
            DatabaseUnavailable: The key must be looked up, and the database cannot be reached.
        """
        known = self.recall(key)
        if known is not None:
            return known
        if not is_key(key):
            return None
        digest = digest_key(key)
        flight = self._flights.get(digest)
        if flight is None:
            flight = self._flights[digest] = asyncio.create_task(self._look_up(digest))
            flight.add_done_callback(lambda _: self._flights.pop(digest))
            flight.add_done_callback(futures.retrieve)
        return await asyncio.shield(flight)

    async def _look_up(self, digest: bytes) -> KeyHolder | None:
        asked = time.monotonic()
        try:
            rows = await self._database.fetch(_SQL["check_key"], idempotent=True, digest=digest)
        except DatabaseUnavailable:
            held = self._held.get(digest)
            if held is None or asked > min(held.confirmed + GRACE_SECONDS, held.expires):
                raise
            held.until = min(time.monotonic() + TRUSTED_SECONDS, held.expires)
            return held.holder
        self._held.pop(digest, None)
        if not rows:
            return None
        ((key_id, name, scopes, requests, batches, status, seconds_left),) = rows
        holder = KeyHolder(key_id, name, frozenset(scopes), requests, batches, status)
        if status == "active":
            expires = math.inf if seconds_left is None else asked + seconds_left
            self._held[digest] = _Held(holder, asked, expires, min(asked + TRUSTED_SECONDS, expires))
            if len(self._held) > MAX_HELD:
                self._held.popitem(last=False)
        return holder
