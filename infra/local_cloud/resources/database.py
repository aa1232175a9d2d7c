"""Cloud SQL: a PostgreSQL server an instance, a standby a read replica, its databases and its users."""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import pg8000.native

from local_cloud.errors import DeploymentFailed
from local_cloud.google.cloud_sql.declared import to_admin_settings
from local_cloud.google.cloud_sql.exports import service_agent
from local_cloud.google.cloud_sql.instance import ManagedPostgres
from local_cloud.google.cloud_sql.service import CloudSqlService
from local_cloud.google.cloud_sql.standby import Standby
from local_cloud.google.cloud_sql.users import SUPERUSERS, ensure_role, ensure_user
from local_cloud.google.machine_types import find_machine_type
from local_cloud.google.services import DEFAULT_REGION
from local_cloud.processes.postgres import Postgres, list_settings
from local_cloud.processes.supervisor import Tier
from local_cloud.pulumi.declaration import CreatedResource, Declaration
from local_cloud.resources.cloud import LocalCloud
from local_cloud.resources.registry import handles

T = TypeVar("T")

IAM_FLAG = "cloudsql.iam_authentication"
ACCOUNT_SUFFIX = ".gserviceaccount.com"
# Set by the local server itself.
OURS = frozenset({"listen_addresses", "port", "unix_socket_directories"})


@handles("gcp:sql/databaseInstance:DatabaseInstance")
async def instance(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Start a PostgreSQL server for an instance, or a standby for a read replica."""
    inputs = declaration.inputs
    name = declaration.resource_name
    version = str(inputs["databaseVersion"])
    if not version.startswith("POSTGRES_"):
        raise DeploymentFailed(f"{version}: the local deployer has PostgreSQL only")
    region = str(inputs.get("region") or DEFAULT_REGION)
    tier = str((inputs.get("settings") or {}).get("tier") or "")
    if find_machine_type(tier) is None:
        cloud.note(declaration.token, name, f"the memory of the tier {tier}")
    service = await cloud.google.cloud_sql.start()
    postgres = _make_server(cloud, declaration, service, region)
    postgres.name = f"{name}-postgres"
    is_replica = isinstance(postgres, Standby)
    with cloud.report.step(f"Cloud SQL {name}", f"PostgreSQL on {postgres.host}:{postgres.port}"):
        await cloud.processes.supervisor.start(postgres, tier=Tier.REPLICA if is_replica else Tier.SERVER)
        if not is_replica:
            await asyncio.to_thread(_ensure_superusers, postgres)
        await asyncio.to_thread(service.adopt, name, postgres, region, version, to_admin_settings(inputs))
    cloud.google.cloud_sql.servers[name] = postgres
    connection_name = f"{cloud.project}:{region}:{name}"
    return CreatedResource(
        id=name,
        outputs={
            "name": name,
            "connectionName": connection_name,
            "privateIpAddress": postgres.host,
            "firstIpAddress": postgres.host,
            "ipAddresses": [{"type": "PRIVATE", "ipAddress": postgres.host}],
            "selfLink": f"projects/{cloud.project}/instances/{name}",
            "serviceAccountEmailAddress": service_agent(name),
        },
    )


@handles("gcp:sql/database:Database")
async def database(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Make a database in an instance."""
    name = declaration.resource_name
    instance_name, postgres = _find_instance(cloud, declaration)

    def ensure(connection: pg8000.native.Connection) -> None:
        if not connection.run("SELECT FROM pg_database WHERE datname = :name", name=name):
            owner = pg8000.native.identifier(SUPERUSERS)
            connection.run(f"CREATE DATABASE {pg8000.native.identifier(name)} OWNER {owner}")

    await asyncio.to_thread(_with_connection, postgres, ensure)
    cloud.google.cloud_sql.databases.append((instance_name, name))
    path = f"projects/{cloud.project}/instances/{instance_name}/databases/{name}"
    return CreatedResource(id=path, outputs={"name": name, "selfLink": path})


@handles("gcp:sql/user:User")
async def user(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Make a role for a user, or for a service account."""
    name = declaration.resource_name
    kind = str(declaration.inputs.get("type") or "BUILT_IN")
    instance_name, postgres = _find_instance(cloud, declaration)
    if kind == "CLOUD_IAM_SERVICE_ACCOUNT" and name.endswith(ACCOUNT_SUFFIX):
        raise DeploymentFailed(f"the user {name}: Cloud SQL takes a service account without {ACCOUNT_SUFFIX}")
    if kind != "BUILT_IN" and postgres.settings.get(IAM_FLAG) != "on":
        raise DeploymentFailed(f"the user {name}: {instance_name} lacks the database flag {IAM_FLAG} = on")
    roles = list(declaration.inputs.get("databaseRoles") or [])
    password = declaration.inputs.get("password")
    if kind == "BUILT_IN":
        roles.append(SUPERUSERS)
    await asyncio.to_thread(
        _with_connection, postgres, lambda connection: ensure_user(connection, name, password, roles)
    )
    return CreatedResource(id=f"{name}//{instance_name}", outputs={"name": name})


def _make_server(cloud: LocalCloud, declaration: Declaration, service: CloudSqlService, region: str) -> ManagedPostgres:
    name = declaration.resource_name
    port, log = cloud.processes.ports.allocate(f"sql/{name}"), cloud.state.log(f"{name}-postgres")
    settings = _read_settings(cloud, declaration)
    if primary := declaration.inputs.get("masterInstanceName"):
        primary_name, _ = _find_primary(cloud, declaration, str(primary).rpartition(":")[2])
        return service.replica(name, region, primary_name, port=port, settings=settings, log=log)
    password = cloud.state.keep("passwords", f"sql/{name}", lambda: secrets.token_urlsafe(24))
    return service.declared(name, region, port=port, password=password, settings=settings, log=log)


def _read_settings(cloud: LocalCloud, declaration: Declaration) -> dict[str, str]:
    """Return the declared flags that this build knows; the others are noted as declared only."""
    settings: Mapping[str, Any] = declaration.inputs.get("settings") or {}
    flags = {str(flag["name"]): str(flag["value"]) for flag in settings.get("databaseFlags") or []}
    known = list_settings() - OURS
    for flag in sorted(flags.keys() - known - {IAM_FLAG}):
        cloud.note(declaration.token, declaration.resource_name, f"the database flag {flag} = {flags[flag]}")
    # A setting with a dot is anybody's to define: PostgreSQL takes it, and SHOW answers it.
    return {name: value for name, value in flags.items() if name in known or name == IAM_FLAG}


def _ensure_superusers(postgres: Postgres) -> None:
    def ensure(connection: pg8000.native.Connection) -> None:
        ensure_role(connection, SUPERUSERS, "NOLOGIN CREATEROLE CREATEDB")
        connection.run(f"GRANT pg_monitor TO {pg8000.native.identifier(SUPERUSERS)}")

    _with_connection(postgres, ensure)


def _with_connection(postgres: Postgres, work: Callable[[pg8000.native.Connection], T]) -> T:
    connection = postgres.connect()
    try:
        return work(connection)
    finally:
        connection.close()


def _find_instance(cloud: LocalCloud, declaration: Declaration) -> tuple[str, ManagedPostgres]:
    return _find_primary(cloud, declaration, str(declaration.inputs["instance"]))


def _find_primary(cloud: LocalCloud, declaration: Declaration, name: str) -> tuple[str, ManagedPostgres]:
    postgres = cloud.google.cloud_sql.servers.get(name)
    if postgres is None:
        raise DeploymentFailed(f"{declaration.name}: there is no Cloud SQL instance {name}")
    if isinstance(postgres, Standby):
        raise DeploymentFailed(f"{declaration.name}: the Cloud SQL instance {name} is a read replica")
    return name, postgres
