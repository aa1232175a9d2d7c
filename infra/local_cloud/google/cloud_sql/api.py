"""The Cloud SQL Admin API, as Google's client libraries and gcloud speak it: sqladmin v1."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from local_cloud.google.api_callers import PREFIX
from local_cloud.google.api_error import ApiError
from local_cloud.google.cloud_sql.catalog import ApiObject
from local_cloud.google.cloud_sql.errors import invalid
from local_cloud.google.cloud_sql.guard import Guard
from local_cloud.google.cloud_sql.service import CloudSqlService

Call = Callable[[CloudSqlService, ApiObject, ApiObject], ApiObject]

# With and without the service in front, as discovery documents of different ages have it.
PREFIXES = ("/v1", "/v1beta4", "/sql/v1", "/sql/v1beta4")
PROJECT = "/projects/{project}"
INSTANCES = f"{PROJECT}/instances"
INSTANCE = f"{INSTANCES}/{{instance}}"
USERS = f"{INSTANCE}/users"
BACKUPS = f"{INSTANCE}/backupRuns"
BACKUP = f"{BACKUPS}/{{id}}"
OPERATIONS = f"{PROJECT}/operations"


def _list_operations(cloud_sql: CloudSqlService, path: ApiObject, _: ApiObject) -> ApiObject:
    instance = path.get("instance")
    shown = [one for one in cloud_sql.operations.all() if instance is None or one["targetId"] == instance]
    return {"kind": "sql#operationsList", "items": shown}


CALLS: list[tuple[str, str, Call]] = [
    ("GET", INSTANCES, lambda sql, _, __: {"kind": "sql#instancesList", "items": sql.instances()}),
    ("POST", INSTANCES, lambda sql, _, body: sql.insert(body)),
    ("GET", INSTANCE, lambda sql, path, _: sql.instance(path["instance"])),
    ("DELETE", INSTANCE, lambda sql, path, _: sql.delete(path["instance"])),
    ("GET", f"{INSTANCE}/getLatestRecoveryTime", lambda sql, path, _: sql.recovery_times(path["instance"])),
    ("POST", f"{INSTANCE}/clone", lambda sql, path, body: sql.clone(path["instance"], body)),
    ("POST", f"{INSTANCE}/restoreBackup", lambda sql, path, body: sql.restore(path["instance"], body)),
    ("POST", f"{INSTANCE}/export", lambda sql, path, body: sql.export(path["instance"], body)),
    ("GET", USERS, lambda sql, path, _: {"kind": "sql#usersList", "items": sql.users(path["instance"])}),
    ("POST", USERS, lambda sql, path, body: sql.insert_user(path["instance"], body)),
    (
        "GET",
        BACKUPS,
        lambda sql, path, _: {"kind": "sql#backupRunsList", "items": sql.backups(path["instance"])},
    ),
    ("POST", BACKUPS, lambda sql, path, body: sql.back_up(path["instance"], body)),
    ("GET", BACKUP, lambda sql, path, _: sql.backup(path["instance"], path["id"])),
    ("DELETE", BACKUP, lambda sql, path, _: sql.delete_backup(path["instance"], path["id"])),
    ("GET", OPERATIONS, _list_operations),
    ("GET", f"{OPERATIONS}/{{operation}}", lambda sql, path, _: sql.operations.get(path["operation"])),
]


# What a call needs; of operations, who may list instances sees all.
PERMISSIONS: Mapping[tuple[str, str], str] = {
    ("GET", INSTANCES): "cloudsql.instances.list",
    ("POST", INSTANCES): "cloudsql.instances.create",
    ("GET", INSTANCE): "cloudsql.instances.get",
    ("DELETE", INSTANCE): "cloudsql.instances.delete",
    ("GET", f"{INSTANCE}/getLatestRecoveryTime"): "cloudsql.instances.get",
    ("POST", f"{INSTANCE}/clone"): "cloudsql.instances.clone",
    ("POST", f"{INSTANCE}/restoreBackup"): "cloudsql.instances.restoreBackup",
    ("POST", f"{INSTANCE}/export"): "cloudsql.instances.export",
    ("GET", USERS): "cloudsql.users.list",
    ("POST", USERS): "cloudsql.users.create",
    ("GET", BACKUPS): "cloudsql.backupRuns.list",
    ("POST", BACKUPS): "cloudsql.backupRuns.create",
    ("GET", BACKUP): "cloudsql.backupRuns.get",
    ("DELETE", BACKUP): "cloudsql.backupRuns.delete",
    ("GET", OPERATIONS): "cloudsql.instances.list",
    ("GET", f"{OPERATIONS}/{{operation}}"): "cloudsql.instances.list",
}


class AdminApi:
    """Answers the calls of clients.

    service: returns what carries them out; None while no instance has been declared. guard: says who may make which
    call; without one, whoever reaches the address may make all.
    """

    def __init__(self, project: str, service: Callable[[], CloudSqlService | None], guard: Guard | None = None) -> None:
        self._project = project
        self._service = service
        self._guard = guard

    def routes(self) -> list[web.RouteDef]:
        """Return a route for each call, under every prefix that clients use."""
        caller = f"{PREFIX}/{{caller}}" if self._guard is not None else ""
        return [
            web.route(method, caller + prefix + path, self._handler(call, PERMISSIONS[method, path], path))
            for prefix in PREFIXES
            for method, path, call in CALLS
        ]

    def _check(self, path: ApiObject, body: ApiObject, permission: str, template: str) -> None:
        """Raise ApiError unless the caller may make the call."""
        if self._guard is None:
            return
        created = body.get("name") if template == INSTANCES else None
        instance = None if template.startswith(OPERATIONS) else created or path.get("instance")
        self._guard.check(path["caller"], permission, instance, path["id"] if template == BACKUP else None)

    def _handler(self, call: Call, permission: str, template: str) -> Callable[[web.Request], Any]:
        async def answer(request: web.Request) -> web.Response:
            body = await _read_body(request)
            path = {**request.query, **request.match_info}
            if path["project"] != self._project:
                raise ApiError(403, f"Permission denied on project {path['project']}.", reason="notAuthorized")
            self._check(path, body, permission, template)
            if path.get("filter"):
                raise invalid("The local Cloud SQL has no filters; choose among all.")
            service = self._service()
            if service is None:
                raise ApiError(404, "This project has no Cloud SQL instance.", reason="notFound")
            # Calls write files, and some ask a server.
            return web.json_response(await asyncio.to_thread(call, service, path, body))

        return answer


async def _read_body(request: web.Request) -> ApiObject:
    try:
        body: Any = await request.json() if request.body_exists else {}
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ApiError(400, "The body is no JSON object.", reason="parseError")
    return body
