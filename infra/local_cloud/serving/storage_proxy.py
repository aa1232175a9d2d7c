"""Cloud Storage's address: the guard before the storage server, which has none of its own."""

from math import inf

import aiohttp
from aiohttp import web

from local_cloud.google.storage import CloudStorage
from local_cloud.processes.certificate import trust_only
from local_cloud.serving.listener import listen
from local_cloud.serving.platform_error import PlatformError
from local_cloud.serving.proxy import RETRY_AFTER, forward, open_session, without_hop_by_hop

# Within which a body arrives and is answered: objects may be large.
SECONDS = 600.0


class StorageProxy:
    """Passes requests of this machine's programs on to the storage server, as they are, and those of web pages not."""

    def __init__(self, storage: CloudStorage) -> None:
        self._storage = storage
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.ServerRunner | None = None

    async def open(self) -> None:
        """Listen. Raises OSError if the port is taken."""
        self._runner = await listen(self._handle, self._storage.port)

    async def close(self) -> None:
        """Stop listening, and give requests a second to end."""
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if "Origin" in request.headers:
            raise PlatformError(403, "Cloud Storage is for programs of this machine, and not for web pages")
        server = self._storage.server
        if server is None:
            raise PlatformError(503, "no bucket is declared yet; try again", RETRY_AFTER)
        if self._session is None:
            self._session = open_session(tls=trust_only(self._storage.certificate))
        headers = without_hop_by_hop(request.headers)
        headers["X-Forwarded-Proto"] = "http"  # of the addresses that it answers, as where an upload goes on
        try:
            return await forward(request, server.url, headers, self._session, SECONDS, max_body=inf)
        except PlatformError as error:
            if error.status not in (503, 504):
                raise
            raise PlatformError(error.status, "the storage server does not answer; try again", RETRY_AFTER) from error
