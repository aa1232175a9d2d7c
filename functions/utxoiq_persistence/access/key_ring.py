"""API keys as callers show them: recognised in the process, asked of the database again every few seconds."""

import asyncio
import math
import time
from collections import OrderedDict

from msgspec import Struct

from utxoiq_persistence import futures
from utxoiq_persistence.access.api_keys import digest_of, is_key
from utxoiq_persistence.errors import DatabaseUnavailable
from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.postgres.statements import load

_SQL = load("api_keys")
# So long a revocation takes to hold everywhere, with or without Redis.
TRUSTED_SECONDS = 2.0
# While the database cannot be asked, a key is believed for as long as this since it was last found active.
GRACE_SECONDS = 60.0
MAX_HELD = 10_000


class KeyHolder(Struct, frozen=True):
    """What is known of a key that was shown. status: active, expired or revoked; limits: None for the usual ones."""

    key_id: str
    name: str
    scopes: frozenset[str]
    requests_per_hour: int | None
    batches_per_hour: int | None
    status: str


class _Held(Struct):
    """Believed until then. confirmed: when the database last said so. expires: the key itself."""

    holder: KeyHolder
    confirmed: float
    expires: float
    until: float


class KeyRing:
    """Keys are looked up by their digests: how long a wrong key takes tells nothing about a right one.

    Only active keys are held, so that wrong ones cannot crowd them out.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held: OrderedDict[bytes, _Held] = OrderedDict()
        self._flights: dict[bytes, asyncio.Task[KeyHolder | None]] = {}

    def knows(self, key: bytes) -> bool:
        """Whether the key was active when it was last looked up."""
        return digest_of(key) in self._held

    async def check(self, key: bytes) -> KeyHolder | None:
        """None of what is no key. Raises DatabaseUnavailable where a key must be looked up and cannot be."""
        digest = digest_of(key)
        held = self._held.get(digest)
        if held is not None and held.until > time.monotonic():
            return held.holder
        if not is_key(key):
            return None
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
