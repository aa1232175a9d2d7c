"""The public keys of a token issuer, fetched on demand and cached."""

import asyncio
import json
import logging
import math
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

from jwt import PyJWK

from utxoiq_http.problems import identity_unavailable
from utxoiq_persistence import futures

# After this time, keys are fetched again while the cached ones stay in use; after twice this time, callers wait for it.
LIFETIME_SECONDS = 300
# The time between two fetches, doubled after each failure.
PATIENCE_SECONDS = 5
LONGEST_PATIENCE_SECONDS = 60
FETCH_SECONDS = 5
MAX_BYTES = 2**20
_BLOCK = 2**16

_log = logging.getLogger(__name__)


class IssuerKeys:
    """Fetches and caches the keys at one address. Cached keys stay in use while the issuer is unavailable.

    One fetch is in progress at a time, and unknown key ids cause at most one fetch every PATIENCE_SECONDS.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: dict[str, PyJWK] = {}
        self._declared: dict[str, dict[str, Any]] = {}
        self._fetched = -math.inf
        self._next = -math.inf
        self._failures = 0
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, key_id: str) -> PyJWK | None:
        """Return the key with the id; None if the issuer has no such key.

        Raises Problem 503 if the key is not cached and the issuer is unavailable.
        """
        age = time.monotonic() - self._fetched
        if key_id not in self._keys or age >= LIFETIME_SECONDS:
            fetching = self._begin_fetch()
            if fetching is not None and (key_id not in self._keys or age >= 2 * LIFETIME_SECONDS):
                await asyncio.shield(fetching)
        key = self._keys.get(key_id)
        if key is None and self._failures:
            raise identity_unavailable(max(1, math.ceil(self._next - time.monotonic())))
        return key

    def holds(self, key: PyJWK) -> bool:
        """Return whether the issuer still had this key at the last fetch."""
        return self._keys.get(key.key_id or "") is key

    def _begin_fetch(self) -> "asyncio.Task[None] | None":
        """Return the fetch in progress, and start one if it is due; None if there is none."""
        if self._fetching is None and time.monotonic() >= self._next:
            self._fetching = asyncio.create_task(self._fetch())
            self._fetching.add_done_callback(self._end_fetch)
        return self._fetching

    def _end_fetch(self, fetching: "asyncio.Task[None]") -> None:
        futures.was_cut_off(fetching)
        self._fetching = None

    async def _fetch(self) -> None:
        try:
            declared = dict(_declared_keys(await asyncio.to_thread(_download, self._url)))
            keys = {key_id: key for key_id, one in declared.items() if (key := self._key(key_id, one)) is not None}
        except Exception as error:  # whatever an issuer does that is no set of keys, it is away
            self._failures += 1
            wait = min(PATIENCE_SECONDS * 2 ** (self._failures - 1), LONGEST_PATIENCE_SECONDS)
            self._next = time.monotonic() + wait
            _log.error("the keys at %s cannot be fetched: %r", self._url, error)
            return
        self._keys, self._declared = keys, declared
        self._failures = 0
        self._fetched = time.monotonic()
        self._next = self._fetched + PATIENCE_SECONDS

    def _key(self, key_id: str, declared: dict[str, Any]) -> PyJWK | None:
        """Return the same key as before where it was declared just so: verdicts hold as long as their key does.

        None of what is no key, which is no reason to do without the others.
        """
        if self._declared.get(key_id) == declared:
            return self._keys.get(key_id)
        try:
            return PyJWK.from_dict(declared)
        except Exception as error:
            _log.warning("the key %r at %s is left out: %r", key_id, self._url, error)
            return None


def _declared_keys(content: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the RSA keys that sign, by their ids. Those of other kinds are the issuer's own affair."""
    keys = json.loads(content)["keys"]
    if not isinstance(keys, list):
        raise ValueError("its keys are no list")
    for one in keys:
        if not isinstance(one, dict) or one.get("kty") != "RSA" or one.get("use", "sig") != "sig":
            continue
        if isinstance(one.get("kid"), str):
            yield one["kid"], one


def _download(url: str) -> bytes:
    """Return what is at the address, within FETCH_SECONDS in all."""
    deadline = time.monotonic() + FETCH_SECONDS
    content = bytearray()
    with urllib.request.urlopen(url, timeout=FETCH_SECONDS) as response:  # noqa: S310 - http or https, by configuration
        while block := response.read1(_BLOCK):
            content += block
            if len(content) > MAX_BYTES:
                raise ValueError(f"there are more than {MAX_BYTES} bytes")
            if time.monotonic() > deadline:
                raise TimeoutError("the answer took too long")
        if response.length:
            raise ValueError("the answer broke off")
    return bytes(content)
