"""The provider behind the engine: each resource's handler, and the functions of the Google provider."""

from collections.abc import Mapping
from typing import Any

import local_cloud.resources  # noqa: F401 - registers the handlers
from local_cloud.pulumi.declaration import CreatedResource, Declaration
from local_cloud.resources import invokes
from local_cloud.resources.cloud import LocalCloud
from local_cloud.resources.registry import find_handler


class LocalProvider:
    """Makes resources real on the parts of a local cloud."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud

    async def create(self, declaration: Declaration) -> CreatedResource:
        """Return the resource once it is up. Raises DeploymentFailed, or ServerFailed if a server does not start."""
        return await find_handler(declaration)(self._cloud, declaration)

    async def invoke(self, token: str, arguments: Mapping[str, Any]) -> tuple[Mapping[str, Any], frozenset[str]]:
        """Return a function's result, and the names of the secrets in it. Raises UnknownFunction."""
        return await invokes.call(self._cloud, token, arguments)
