"""Every address under which a stack is called."""

import asyncio
from dataclasses import dataclass, field

import aiohttp

from local_cloud.serving.functions import Functions
from local_cloud.serving.google_apis import GoogleApis
from local_cloud.serving.storage_proxy import StorageProxy


@dataclass(frozen=True)
class Endpoints:
    """Holds what listens. session: for requests to others."""

    base_url: str
    session: aiohttp.ClientSession
    apis: GoogleApis
    storage: StorageProxy
    functions: Functions = field(default_factory=dict)

    async def open(self) -> None:
        """Listen where programs find Google's services. Raises OSError if a port is taken."""
        await self.apis.open()
        await self.storage.open()

    async def close(self) -> None:
        """Take no more requests for functions."""
        await asyncio.gather(*(function.front_end.close() for function in self.functions.values()))
