"""Functions of the Google provider that a program may call."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from local_cloud.errors import UnknownFunction
from local_cloud.resources.cloud import LocalCloud

TOKEN_SECONDS = 3600.0

Answer = Mapping[str, Any]
# The names of what in an answer is secret.
Secret = frozenset[str]


async def account_id_token(cloud: LocalCloud, arguments: Answer) -> tuple[Answer, Secret]:
    """Return an ID token of any account: who deploys a project may well act as all of its accounts."""
    email = str(arguments["targetServiceAccount"])
    token = cloud.google.issuers.account_token(email, str(arguments["targetAudience"]), TOKEN_SECONDS)
    return {**arguments, "id": email, "idToken": token}, frozenset({"idToken"})


async def client_config(cloud: LocalCloud, _: Answer) -> tuple[Answer, Secret]:
    """Return what the provider is configured with."""
    return {"id": cloud.project, "project": cloud.project, "region": "", "zone": ""}, frozenset()


async def project(cloud: LocalCloud, _: Answer) -> tuple[Answer, Secret]:
    """Return the project's names."""
    name = cloud.project
    return {"id": f"projects/{name}", "projectId": name, "name": name, "number": "000000000000"}, frozenset()


_FUNCTIONS: Mapping[str, Callable[[LocalCloud, Answer], Awaitable[tuple[Answer, Secret]]]] = {
    "gcp:serviceaccount/getAccountIdToken:getAccountIdToken": account_id_token,
    "gcp:organizations/getClientConfig:getClientConfig": client_config,
    "gcp:organizations/getProject:getProject": project,
}


async def call(cloud: LocalCloud, token: str, arguments: Answer) -> tuple[Answer, Secret]:
    """Return a function's result, and the names of the secrets in it. Raises UnknownFunction."""
    function = _FUNCTIONS.get(token)
    if function is None:
        raise UnknownFunction(token)
    return await function(cloud, arguments)
