"""The backup endpoints. An operation that takes longer than one call is continued by the next call."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from utxoiq_http import answer
from utxoiq_http import answers as views
from utxoiq_http.access import MAINTENANCE, require_scope
from utxoiq_http.answer import Answer
from utxoiq_http.answers import Instant
from utxoiq_http.app import App
from utxoiq_http.problems import Problem
from utxoiq_http.routes import Call, Route
from utxoiq_http.serving import create_app
from utxoiq_persistence import schedules
from utxoiq_persistence.backup.backups import BackupService
from utxoiq_persistence.backup.settings import BackupSettings
from utxoiq_persistence.backup.watch import BackupWatch
from utxoiq_persistence.publishing.settings import PublishSettings
from utxoiq_persistence.schedules import Schedules
from utxoiq_persistence.store import Store

PATH = "/api/v1/monitoring/backup"
READ = "metrics:read"

Budget = Annotated[
    int,
    Meta(
        ge=0,
        le=1500,
        description="Time budget in seconds. When it is used up, the response reports the progress so far.",
    ),
]
Bytes = Annotated[int, Meta(ge=0)]


class RunQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Holds the parameters of a backup run. Its budget is in seconds."""

    budget_seconds: Budget = 600
    export: Annotated[
        Literal["true", "false"],
        Meta(description="Export the database to its bucket, as SQL, instead of having Cloud SQL back it up."),
    ] = "false"


class VerifyQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Holds the parameters of a verification. Its budget is in seconds."""

    budget_seconds: Budget = 600
    resume_only: Annotated[
        Literal["true", "false"], Meta(description="Continue a verification in progress; do not start a new one.")
    ] = "false"


class BackupShown(Struct, forbid_unknown_fields=True):
    """Describes a backup or an export.

    `backup_id` is the identifier that Cloud SQL assigned to it, or the name of the exported object.
    """

    id: UUID
    backup_id: str | None
    requested_at: Instant
    ended_at: Instant | None
    bytes: Bytes | None
    status: Literal["running", "success", "failed"]
    error: str | None


class CheckShown(Struct, forbid_unknown_fields=True):
    """Describes one check of the restored data, with its result."""

    name: str
    passed: bool
    detail: str


class VerificationShown(Struct, forbid_unknown_fields=True):
    """Describes the verification of a backup or an export, which restores it and checks the restored data.

    `backup_id` identifies the verified backup. `error` says what was wrong with the backup, or why it could not be
    verified.
    """

    id: UUID
    step: Literal["choose", "create", "restore", "check", "publish", "delete", "done"]
    started_at: Instant
    ended_at: Instant | None
    status: Literal["running", "passed", "failed"]
    backup_id: str | None
    error: str | None
    checks: list[CheckShown]


class BackupStatus(Struct, forbid_unknown_fields=True):
    """Describes the newest backup, the newest export and the newest verification; null if there is none."""

    status: Literal["success"]
    backup: BackupShown | None
    export: BackupShown | None
    verification: VerificationShown | None


@dataclass(frozen=True)
class BackupResource:
    """Combines what the backup endpoints work on: backups, the publisher of their age, and who keeps successes."""

    backups: BackupService
    watcher: BackupWatch
    schedules: Schedules

    async def parts(self) -> Mapping[str, str]:
        """Return the state of each part that the function depends on, `ok` or `away`, by its name."""
        return await self.backups.parts()


async def run_backup(service: BackupResource, call: Call[RunQuery, None]) -> Answer:
    """Back up or export the database, or continue the one in progress. Called by Cloud Scheduler.

    One that fails is answered with an error, so that it is tried again.
    """
    is_export = call.parameters.export == "true"
    state = await service.backups.run(call.parameters.budget_seconds, is_export=is_export)
    status = msgspec.json.decode(state.body, type=BackupStatus)
    newest = status.export if is_export else status.backup
    if newest is not None and newest.status == "failed":
        what = "export" if is_export else "backup"
        raise Problem(502, f"the {what} failed: {newest.error}", kind="urn:utxoiq:problem:backup-failed")
    await service.schedules.note_success(schedules.EXPORT if is_export else schedules.BACKUP)
    return answer.from_json(200, state.body)


async def verify_backup(service: BackupResource, call: Call[VerifyQuery, None]) -> Answer:
    """Verify the newest backup or export, in turn, by restoring it, or continue that. Called by Cloud Scheduler."""
    query = call.parameters
    resume_only = query.resume_only == "true"
    state = await service.backups.verify(query.budget_seconds, resume_only=resume_only)
    await service.schedules.note_success(schedules.CONTINUE_VERIFICATION if resume_only else schedules.VERIFY_BACKUP)
    return answer.from_json(200, state.body)


async def get_backup_status(service: BackupResource, _: Call[None, None]) -> Answer:
    """Get the newest backup and the newest verification."""
    state = await service.backups.status()
    return answer.from_json(200, state.body)


async def publish_backup_metrics(service: BackupResource, _: Call[None, None]) -> Answer:
    """Publish the age of the newest backup and verification, and failures since. Called by Cloud Scheduler."""
    message = await service.watcher.publish()
    await service.schedules.note_success(schedules.WATCH_BACKUPS)
    return answer.from_value(200, {"status": "success", "message": message})


def create_backup_app(environment: Mapping[str, str]) -> App[BackupResource]:
    """Return the app of the backup function. Raises ConfigurationError, which names the wrong variable."""
    settings = BackupSettings.from_environment(environment)
    publishing = PublishSettings.from_environment(environment)

    def create_resource(store: Store) -> BackupResource:
        watcher = BackupWatch(settings, publishing, store)
        return BackupResource(BackupService(settings, store), watcher, store.schedules)

    return create_app("backup", ROUTES, environment, create_resource)


ROUTES = (
    Route(
        method="POST",
        path=f"{PATH}/run",
        handler=run_backup,
        access=MAINTENANCE,
        parameters=RunQuery,
        answer=BackupStatus,
        problems=(502,),
    ),
    Route(
        method="POST",
        path=f"{PATH}/verify",
        handler=verify_backup,
        access=MAINTENANCE,
        parameters=VerifyQuery,
        answer=BackupStatus,
    ),
    Route(method="POST", path=f"{PATH}/watch", handler=publish_backup_metrics, access=MAINTENANCE, answer=views.Done),
    Route(
        method="GET", path=f"{PATH}/status", handler=get_backup_status, access=require_scope(READ), answer=BackupStatus
    ),
)
