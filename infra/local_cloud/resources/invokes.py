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


async def storage_agent(cloud: LocalCloud, arguments: Answer) -> tuple[Answer, Secret]:
    """Return the account by which Cloud Storage uses keys."""
    return _agent(cloud, arguments, "emailAddress", "gs-project-accounts")


async def logging_agent(cloud: LocalCloud, arguments: Answer) -> tuple[Answer, Secret]:
    """Return the account by which Cloud Logging uses keys."""
    return _agent(cloud, arguments, "serviceAccountId", "gcp-sa-logging")


async def bigquery_agent(cloud: LocalCloud, arguments: Answer) -> tuple[Answer, Secret]:
    """Return the account by which BigQuery uses keys."""
    return _agent(cloud, arguments, "email", "bigquery-encryption")


def _agent(cloud: LocalCloud, arguments: Answer, output: str, service: str) -> tuple[Answer, Secret]:
    project = str(arguments.get("project") or cloud.project)
    account = f"service-000000000000@{service}.iam.gserviceaccount.com"
    return {**arguments, "id": project, "project": project, output: account}, frozenset()


_FUNCTIONS: Mapping[str, Callable[[LocalCloud, Answer], Awaitable[tuple[Answer, Secret]]]] = {
    "gcp:serviceaccount/getAccountIdToken:getAccountIdToken": account_id_token,
    "gcp:organizations/getClientConfig:getClientConfig": client_config,
    "gcp:organizations/getProject:getProject": project,
    "gcp:storage/getProjectServiceAccount:getProjectServiceAccount": storage_agent,
    "gcp:logging/getProjectCmekSettings:getProjectCmekSettings": logging_agent,
    "gcp:bigquery/getDefaultServiceAccount:getDefaultServiceAccount": bigquery_agent,
}


async def call(cloud: LocalCloud, token: str, arguments: Answer) -> tuple[Answer, Secret]:
    """Return a function's result, and the names of the secrets in it. Raises UnknownFunction."""
    function = _FUNCTIONS.get(token)
    if function is None:
        raise UnknownFunction(token)
    return await function(cloud, arguments)
