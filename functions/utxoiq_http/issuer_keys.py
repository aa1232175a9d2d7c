"""The public keys of a token issuer, fetched on demand and cached."""

import asyncio
import logging
import time

from jwt import PyJWK, PyJWKClient
from jwt.exceptions import PyJWKClientError, PyJWKSetError

from utxoiq_http.problems import identity_unavailable

LIFETIME_SECONDS = 3600
PATIENCE_SECONDS = 5
FETCH_TIMEOUT_SECONDS = 5

_log = logging.getLogger(__name__)


class IssuerKeys:
    """Fetches and caches the keys of an issuer. Cached keys stay in use while the issuer is unavailable.

    An unknown key id makes it fetch the keys again, at most every PATIENCE_SECONDS whatever the number of tokens.
    """

    def __init__(self, url: str) -> None:
        self._client = PyJWKClient(url, cache_jwk_set=False, timeout=FETCH_TIMEOUT_SECONDS)
        self._keys: dict[str, PyJWK] = {}
        self._fetched = -float(LIFETIME_SECONDS)
        self._tried = -float(PATIENCE_SECONDS)
        self._fetching = asyncio.Lock()

    async def find(self, key_id: str) -> PyJWK | None:
        """Return the key with the id; None if the issuer has no such key.

        Raises Problem 503 if no keys could be fetched yet.
        """
        if not self._serves(key_id):
            async with self._fetching:
                if not self._serves(key_id) and time.monotonic() - self._tried >= PATIENCE_SECONDS:
                    await self._fetch()
        if not self._keys:
            raise identity_unavailable()
        return self._keys.get(key_id)

    def _serves(self, key_id: str) -> bool:
        return key_id in self._keys and time.monotonic() - self._fetched < LIFETIME_SECONDS

    async def _fetch(self) -> None:
        try:
            keys = await asyncio.to_thread(self._client.get_signing_keys)
        except (PyJWKClientError, PyJWKSetError, ValueError) as error:
            _log.error("the keys at %s cannot be fetched: %s", self._client.uri, error)
        else:
            self._keys = {key.key_id: key for key in keys if key.key_id is not None}
            self._fetched = time.monotonic()
        self._tried = time.monotonic()
