"""What the Admin API's calls do, on PostgreSQL servers of this machine.

Everything of an instance lies under its region's folder, and its backups under that of their location: what is lost
with a region is one folder.
"""

import shutil
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from local_cloud.google.cloud_sql import manifest, times
from local_cloud.google.cloud_sql.catalog import ApiObject, InstanceCatalog
from local_cloud.google.cloud_sql.errors import invalid, no_instance
from local_cloud.google.cloud_sql.exports import Exports
from local_cloud.google.cloud_sql.instance import ManagedPostgres, copy_backup
from local_cloud.google.cloud_sql.operations import Operations
from local_cloud.google.cloud_sql.standby import Standby
from local_cloud.google.cloud_sql.users import ensure_user
from local_cloud.processes.postgres import list_settings
from local_cloud.processes.server import ServerFailed

BACKUP_LOCATION = "us"
# What a copy of this machine can do without; the server itself sets the rest.
SMALL = {"shared_buffers": "32MB"}
OURS = frozenset({"listen_addresses", "port", "unix_socket_directories", "shared_buffers"})
IAM_FLAG = "cloudsql.iam_authentication"


class CloudSqlService:
    """Carries out the Admin API's calls.

    folder: all that it keeps. sockets: holds <connection name>/.s.PGSQL.5432 for each instance that serves. settings:
    of postgresql.conf, for the instances that it makes. exports: writes to buckets. pristine: data that have not served
    yet, which new instances begin with copies of; without, each makes its own. remember: called with the name and the
    process of each of them.
    """

    def __init__(
        self,
        folder: Path,
        project: str,
        *,
        settings: Mapping[str, str] | None = None,
        exports: Exports | None = None,
        pristine: Path | None = None,
        remember: Callable[[str, int], None] = lambda *_: None,
    ) -> None:
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.project = project
        self.sockets = self.folder / "sockets"
        self.sockets.mkdir(exist_ok=True, mode=0o700)
        self._settings = dict(settings or {})
        self._remember = remember
        self._exports = exports
        self._pristine = pristine
        self._catalog = InstanceCatalog(self.folder / "registry.json")
        self._servers: dict[str, ManagedPostgres] = {}
        self.operations = Operations(project, self._catalog.operations, self._keep_operations)

    def start(self) -> None:
        """Start the instances that an earlier run made. Raises ServerFailed."""
        for link in self.sockets.iterdir():
            link.unlink()
        for body in self._catalog.instances():
            name = body["name"]
            if self._catalog.local(name).get("declared"):
                self._catalog.change(name, state="SUSPENDED")  # until the program declares it again
                continue
            self._servers[name] = self._server(body, self._catalog.local(name)["settings"])
            if body["state"] == "RUNNABLE":
                self.operations.run(self._servers[name].start)
                self._link(body)
            else:
                self._catalog.change(name, state="FAILED")

    def stop(self) -> None:
        """Wait for operations that run, and stop the servers that this has made."""
        self.operations.close()
        for name, server in self._servers.items():
            if not self._catalog.local(name).get("declared"):
                server.stop()

    def declared(
        self,
        name: str,
        region: str,
        *,
        port: int | None = None,
        password: str,
        settings: Mapping[str, str] | None = None,
        log: Path | None = None,
        supervised: bool = True,
    ) -> ManagedPostgres:
        """Return the server of an instance that the program declares: the caller starts it, and then calls `adopt`."""
        home = self._home(region, name)
        return ManagedPostgres(
            home / "data",
            wal=self._wal(region, name),
            supervised=supervised,
            port=port,
            password=password,
            settings=settings,
            log=log or home / "postgres.log",
        )

    def replica(
        self,
        name: str,
        region: str,
        primary: str,
        *,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        log: Path | None = None,
        supervised: bool = True,
    ) -> Standby:
        """Return the server of a declared read replica, as `declared` does.

        Raises ApiError unless its primary serves.
        """
        self._refuse_replica(primary)
        home = self._home(region, name)
        return Standby(
            home / "data",
            primary=self.server(primary),
            wal=self._wal(region, name),
            supervised=supervised,
            port=port,
            settings=settings,
            log=log or home / "postgres.log",
        )

    def adopt(
        self, name: str, server: ManagedPostgres, region: str, version: str, settings: ApiObject
    ) -> ApiObject | None:
        """Show a declared instance in the API, and begin a backup if one is due. settings: as the Admin API names them.

        A backup is due if the settings ask for backups and the newest is a day old: no moment before an instance's
        first backup can be recovered. Its operation is returned, or None.
        """
        self._catalog.change_local(name, declared=True)
        self._servers[name] = server
        body = self._describe_instance(name, region, version, settings, "RUNNABLE")
        if isinstance(server, Standby):
            body |= {
                "instanceType": "READ_REPLICA_INSTANCE",
                "masterInstanceName": f"{self.project}:{self._find_name(server.primary)}",
            }
        self._catalog.put(body)
        self._link(self._catalog.instance(name))
        if settings.get("backupConfiguration", {}).get("enabled") and self._is_backup_due(name):
            return self._back_up(name, "AUTOMATED", {})
        return None

    def server(self, name: str) -> ManagedPostgres:
        """Return an instance's server. Raises ApiError if there is no such instance."""
        server = self._servers.get(name)
        if server is None:
            raise no_instance(name)
        return server

    def instances(self) -> list[ApiObject]:
        """Return all instances as the API shows them."""
        return [self._add_replicas(body) for body in self._catalog.instances()]

    def servers(self) -> list[tuple[ApiObject, ManagedPostgres]]:
        """Return the instances of this run with their servers, whether they serve or not."""
        servers = dict(self._servers)
        return [(body, servers[body["name"]]) for body in self._catalog.instances() if body["name"] in servers]

    def instance(self, name: str) -> ApiObject:
        """Return an instance as the API shows it. Raises ApiError if there is none of the name."""
        return self._add_replicas(self._catalog.instance(name))

    def insert(self, body: ApiObject) -> ApiObject:
        """Begin to make a new, empty instance, and return the operation. Raises ApiError."""
        if body.get("masterInstanceName"):
            raise invalid("The local Cloud SQL has read replicas that the program declares, and no others.")
        name = _require(body, "name")
        region = _require(body, "region")
        version = _require(body, "databaseVersion")
        settings = body.get("settings") or {}
        _require(settings, "tier")
        self._catalog.add(self._describe_instance(name, region, version, settings, "PENDING_CREATE"))
        server = self._make(name, self._select_settings(settings))

        def create() -> None:
            if self._pristine is not None:
                copy_backup(server, self._pristine, server.owned_folder(server.folder))
            server.start()
            connection = server.connect()
            try:
                connection.run("CREATE ROLE cloudsqlsuperuser NOLOGIN CREATEROLE CREATEDB IN ROLE pg_monitor")
            finally:
                connection.close()

        return self._bring_up(name, "CREATE", create)

    def delete(self, name: str) -> ApiObject:
        """Begin to delete an instance and its backups, and return the operation. Raises ApiError."""
        body = self._catalog.instance(name)
        server = self.server(name)
        if self._catalog.local(name).get("declared") or body["settings"].get("deletionProtectionEnabled"):
            raise invalid(f"The instance {name} is protected; it can be deleted through the program that declares it.")

        def remove() -> None:
            self._unlink(body)
            server.remove()
            shutil.rmtree(self._home(body["region"], name))
            for backups in self.folder.glob(f"*/backups/{name}"):
                shutil.rmtree(backups)
            self._catalog.remove(name)
            del self._servers[name]

        return self.operations.begin("DELETE", name, remove)

    def clone(self, name: str, body: ApiObject) -> ApiObject:
        """Begin to copy an instance as it is, or as it was at a point in time, and return the operation.

        Raises ApiError.
        """
        context = body.get("cloneContext") or {}
        target = _require(context, "destinationInstanceName")
        moment = times.parse_time(context["pointInTime"]) if context.get("pointInTime") else None
        source = self._catalog.instance(name)
        self._refuse_replica(name)
        backup = None
        if moment is not None:
            if moment > datetime.now(UTC):
                raise invalid(f"The point in time {context['pointInTime']} is in the future.")
            backup = self._find_backup_before(name, moment)
        settings = {key: value for key, value in source["settings"].items() if key != "deletionProtectionEnabled"}
        self._catalog.add(
            self._describe_instance(target, source["region"], source["databaseVersion"], settings, "PENDING_CREATE")
        )
        server = self._make(target, {**self.server(name).settings, **SMALL, **self._settings})

        def create() -> None:
            origin = self.server(name)
            if backup is None or moment is None:
                server.recover(origin.back_up, origin.wal, {"recovery_target": "immediate"}, server.wal)
                return
            if origin.serves():
                origin.archive_all()
            until = moment.astimezone(UTC).isoformat(sep=" ")
            archive = Path(self._read_local(backup)["wal"])
            server.recover(self._copy_from(server, backup), archive, {"recovery_target_time": until}, server.wal)

        return self._bring_up(target, "CLONE", create)

    def recovery_times(self, name: str) -> ApiObject:
        """Return the first and the last moment that an instance can be recovered to; no first one without a backup."""
        answer = {"kind": "sql#getLatestRecoveryTime", "latestRecoveryTime": times.format_now()}
        ends = [run["endTime"] for run in self.backups(name) if run["status"] == "SUCCESSFUL"]
        return {**answer, "earliestRecoveryTime": min(ends, key=times.parse_time)} if ends else answer

    def restore(self, name: str, body: ApiObject) -> ApiObject:
        """Begin to replace all that an instance holds by a backup of its own or of another, and return the operation.

        Raises ApiError.
        """
        context = body.get("restoreBackupContext") or {}
        source = context.get("instanceId") or name
        if context.get("project", self.project) != self.project:
            raise invalid(f"There is no project {context['project']} on this machine.")
        backup = self._catalog.backup(source, str(_require(context, "backupRunId")))
        if backup["status"] != "SUCCESSFUL":
            raise invalid(f"The backup run {backup['id']} is {backup['status']}.")
        instance = self.instance(name)
        server = self.server(name)
        self._refuse_replica(name)
        if instance.get("replicaNames"):
            replicas = ", ".join(instance["replicaNames"])
            raise invalid(f"The instance {name} has replicas; delete them first: {replicas}.")

        def replace() -> None:
            manifest.verify(self._backup_folder(backup))
            self._catalog.change(name, state="MAINTENANCE")
            generation = self._catalog.local(name).get("generation", 0) + 1
            self._catalog.change_local(name, generation=generation)
            archive = Path(self._read_local(backup)["wal"])
            new = self._wal(instance["region"], name)
            try:
                server.recover(self._copy_from(server, backup), archive, {"recovery_target": "immediate"}, new)
            except BaseException:
                self._catalog.change(name, state="FAILED")
                raise
            self._catalog.change(name, state="RUNNABLE")
            if instance["settings"].get("backupConfiguration", {}).get("enabled"):
                self._take_backup(self._new_backup(name, "AUTOMATED", {}))

        return self.operations.begin("RESTORE_VOLUME", name, replace)

    def export(self, name: str, body: ApiObject) -> ApiObject:
        """Begin to write a database as SQL to a bucket, and return the operation. Raises ApiError."""
        context = body.get("exportContext") or {}
        uri, databases = _require(context, "uri"), context.get("databases") or []
        if context.get("fileType") != "SQL" or len(databases) != 1 or not uri.endswith(".gz"):
            raise invalid("The local Cloud SQL exports one database as compressed SQL.")
        if self._exports is None:
            raise invalid("There is no Cloud Storage.")
        exports, region = self._exports, self.instance(name)["region"]
        server = self.server(name)
        exports.check(name, uri)
        folder = self._home(region, name) / "exports"
        return self.operations.begin(
            "EXPORT", name, lambda: exports.write(server, folder, str(databases[0]), uri), exportContext=context
        )

    def users(self, name: str) -> list[ApiObject]:
        """Return the database users of an instance. Raises ApiError."""
        connection = self.server(name).connect()
        try:
            rows = connection.run("SELECT rolname FROM pg_roles WHERE rolcanlogin ORDER BY rolname")
        finally:
            connection.close()
        return [{"kind": "sql#user", "name": user, "instance": name, "project": self.project} for (user,) in rows]

    def insert_user(self, name: str, body: ApiObject) -> ApiObject:
        """Begin to make the database user of a service account, and return the operation. Raises ApiError."""
        user, server = _require(body, "name"), self.server(name)
        if body.get("type") != "CLOUD_IAM_SERVICE_ACCOUNT":
            raise invalid("The local Cloud SQL makes users of service accounts by this call, and no others.")

        def create() -> None:
            connection = server.connect()
            try:
                ensure_user(connection, user, None, list(body.get("databaseRoles") or []))
            finally:
                connection.close()

        return self.operations.begin("CREATE_USER", name, create)

    def back_up(self, name: str, body: ApiObject) -> ApiObject:
        """Begin an on-demand backup, and return the operation. Raises ApiError."""
        return self._back_up(name, "ON_DEMAND", body)

    def backups(self, name: str) -> list[ApiObject]:
        """Return an instance's backup runs, newest first. Raises ApiError."""
        self._catalog.instance(name)
        return [_to_api(backup) for backup in self._catalog.backups(name)]

    def backup(self, name: str, backup_id: str) -> ApiObject:
        """Return a backup run. Raises ApiError if there is none of the id."""
        return _to_api(self._catalog.backup(name, backup_id))

    def delete_backup(self, name: str, backup_id: str) -> ApiObject:
        """Begin to delete a backup, and return the operation. Raises ApiError."""
        backup = self._catalog.backup(name, backup_id)

        def remove() -> None:
            shutil.rmtree(self._backup_folder(backup))
            self._catalog.remove_backup(name, backup_id)

        return self.operations.begin("DELETE_BACKUP", name, remove)

    def backup_folder(self, name: str, backup_id: str) -> Path:
        """Return where the files of a backup are. Raises ApiError."""
        return self._backup_folder(self._catalog.backup(name, backup_id))

    def _add_replicas(self, body: ApiObject) -> ApiObject:
        servers = dict(self._servers)
        primary = servers.get(body["name"])
        names = [name for name, server in servers.items() if isinstance(server, Standby) and server.primary is primary]
        return {**body, "replicaNames": sorted(names)} if names else body

    def _refuse_replica(self, name: str) -> None:
        if isinstance(self.server(name), Standby):
            raise invalid(f"The instance {name} is a read replica.")

    def _find_name(self, server: ManagedPostgres) -> str:
        return next(name for name, other in dict(self._servers).items() if other is server)

    def _bring_up(self, name: str, kind: str, create: Callable[[], None]) -> ApiObject:
        def work() -> None:
            try:
                create()
            except BaseException:
                self._catalog.change(name, state="FAILED")
                raise
            self._link(self._catalog.instance(name))
            self._catalog.change(name, state="RUNNABLE")

        return self.operations.begin(kind, name, work)

    def _make(self, name: str, settings: Mapping[str, str]) -> ManagedPostgres:
        self._catalog.change_local(name, settings=dict(settings))
        server = self._server(self._catalog.instance(name), settings)
        self._servers[name] = server
        return server

    def _server(self, body: ApiObject, settings: Mapping[str, str]) -> ManagedPostgres:
        server = self.declared(
            body["name"], body["region"], password=self._catalog.password, settings=settings, supervised=False
        )
        server.spawned = partial(self._remember, f"cloudsql/{body['name']}")
        return server

    def _select_settings(self, settings: ApiObject) -> dict[str, str]:
        flags = {str(flag["name"]): str(flag["value"]) for flag in settings.get("databaseFlags") or []}
        known = (list_settings() | {IAM_FLAG}) - OURS
        return {**{name: value for name, value in flags.items() if name in known}, **SMALL, **self._settings}

    def _home(self, region: str, name: str) -> Path:
        home = self.folder / region / name
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        return home

    def _wal(self, region: str, name: str) -> Path:
        """Return the folder of the archive: a new one after each restore, since two histories never share one."""
        generation = self._catalog.local(name).get("generation", 0)
        return self.folder / region / name / f"wal-{generation}"

    def _describe_instance(self, name: str, region: str, version: str, settings: ApiObject, state: str) -> ApiObject:
        return {
            "kind": "sql#instance",
            "name": name,
            "project": self.project,
            "region": region,
            "databaseVersion": version,
            "instanceType": "CLOUD_SQL_INSTANCE",
            "backendType": "SECOND_GEN",
            "state": state,
            "connectionName": f"{self.project}:{region}:{name}",
            "ipAddresses": [{"type": "PRIVATE", "ipAddress": "127.0.0.1"}],
            "createTime": times.format_now(),
            "settings": settings,
        }

    def _link(self, body: ApiObject) -> None:
        link = self.sockets / body["connectionName"]
        link.unlink(missing_ok=True)
        link.symlink_to(self.server(body["name"]).socket_dir)

    def _unlink(self, body: ApiObject) -> None:
        (self.sockets / body["connectionName"]).unlink(missing_ok=True)

    def _back_up(self, name: str, kind: str, body: ApiObject) -> ApiObject:
        self._refuse_replica(name)
        backup = self._new_backup(name, kind, body)
        return self.operations.begin(
            "BACKUP_VOLUME",
            name,
            lambda: self._take_backup(backup),
            backupContext={"kind": "sql#backupContext", "backupId": backup["id"]},
        )

    def _new_backup(self, name: str, kind: str, body: ApiObject) -> ApiObject:
        instance = self._catalog.instance(name)
        configuration = instance["settings"].get("backupConfiguration", {})
        return {
            "kind": "sql#backupRun",
            "id": str(time.time_ns() // 1000),
            "instance": name,
            "type": kind,
            "description": body.get("description", ""),
            "location": body.get("location") or configuration.get("location") or BACKUP_LOCATION,
            "databaseVersion": instance["databaseVersion"],
            "enqueuedTime": times.format_now(),
            "windowStartTime": times.format_now(),
            "status": "RUNNING",
        }

    def _take_backup(self, backup: ApiObject) -> None:
        server = self.server(backup["instance"])
        self._catalog.put_backup({**backup, "startTime": times.format_now(), "local": {"wal": str(server.wal)}})
        folder = self._backup_folder(backup)
        try:
            server.back_up(folder)
        except (ServerFailed, OSError) as failure:
            shutil.rmtree(folder, ignore_errors=True)
            error = {"kind": "sql#operationError", "code": "INTERNAL_ERROR", "message": str(failure)}
            self._end_backup(backup, status="FAILED", error=error)
            raise
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        self._end_backup(backup, status="SUCCESSFUL", maxChargeableBytes=str(size))
        self._forget_old(backup["instance"])

    def _end_backup(self, backup: ApiObject, **fields: object) -> None:
        kept = self._catalog.backup(backup["instance"], backup["id"])
        self._catalog.put_backup({**kept, "endTime": times.format_now(), **fields})

    def _backup_folder(self, backup: ApiObject) -> Path:
        location, instance, backup_id = (str(backup[field]) for field in ("location", "instance", "id"))
        return self.folder / location / "backups" / instance / backup_id

    def _read_local(self, backup: ApiObject) -> Mapping[str, Any]:
        local: Mapping[str, Any] = backup["local"]
        return local

    def _copy_from(self, server: ManagedPostgres, backup: ApiObject) -> Callable[[Path], None]:
        return lambda folder: copy_backup(server, self._backup_folder(backup), folder)

    def _find_backup_before(self, name: str, moment: datetime) -> ApiObject:
        """Return the newest backup that had ended by then. Raises ApiError."""
        for backup in self._catalog.backups(name):
            if backup["status"] == "SUCCESSFUL" and times.parse_time(backup["endTime"]) <= moment:
                return self._catalog.backup(name, backup["id"])
        raise invalid(f"{times.format_time(moment)} is before the first moment that {name} can be recovered to.")

    def _is_backup_due(self, name: str) -> bool:
        newest = next((run for run in self._catalog.backups(name) if run["status"] == "SUCCESSFUL"), None)
        if newest is None:
            return True
        return (datetime.now(UTC) - times.parse_time(newest["endTime"])).total_seconds() > 24 * 3600

    def _forget_old(self, name: str) -> None:
        """Delete automated backups beyond the number to keep, and the log from before the oldest of all."""
        settings = self._catalog.instance(name)["settings"].get("backupConfiguration", {})
        kept = int(settings.get("backupRetentionSettings", {}).get("retainedBackups") or 7)
        automated = [run for run in self._catalog.backups(name) if run["type"] == "AUTOMATED"]
        for backup in automated[kept:]:
            shutil.rmtree(self._backup_folder(backup), ignore_errors=True)
            self._catalog.remove_backup(name, backup["id"])
        runs = self._catalog.backups(name)
        oldest = runs[-1]
        needed = {Path(run["local"]["wal"]) for run in runs} | {self.server(name).wal}
        for wal in self.server(name).wal.parent.glob("wal-*"):
            if wal not in needed:
                shutil.rmtree(wal)
        started = times.parse_time(oldest["startTime"]).timestamp()
        for segment in Path(oldest["local"]["wal"]).iterdir():
            if ".history" not in segment.name and segment.stat().st_mtime < started:
                segment.unlink()

    def _keep_operations(self) -> None:
        self._catalog.operations = list(reversed(self.operations.all()))
        self._catalog.save()


def _require(body: ApiObject, field: str) -> str:
    value = body.get(field)
    if not value:
        raise invalid(f"{field} is missing")
    return str(value)


def _to_api(backup: ApiObject) -> ApiObject:
    return {key: value for key, value in backup.items() if key != "local"}
