"""Backups, and the verification of the newest one. What takes longer than a call goes on with the next one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from utxoiq_http import answer
from utxoiq_http import answers as views
from utxoiq_http.access import MAINTENANCE, service
from utxoiq_http.answer import Answer
from utxoiq_http.app import App
from utxoiq_http.routes import Call, Route
from utxoiq_http.serving import app_over_store
from utxoiq_persistence.backup.backups import BackupService
from utxoiq_persistence.backup.settings import BackupSettings
from utxoiq_persistence.backup.watch import BackupWatch
from utxoiq_persistence.publishing.settings import PublishSettings
from utxoiq_persistence.store import Store

PATH = "/api/v1/monitoring/backup"
READ = "metrics:read"

Budget = Annotated[int, Meta(ge=0, le=1500, description="After this many seconds the answer says how far it is.")]
Bytes = Annotated[int, Meta(ge=0)]


class RunQuery(Struct, frozen=True, forbid_unknown_fields=True):
    budget_seconds: Budget = 600


class VerifyQuery(Struct, frozen=True, forbid_unknown_fields=True):
    budget_seconds: Budget = 600
    resume_only: Annotated[Literal["true", "false"], Meta(description="Go on with the one under way; begin none.")] = (
        "false"
    )


class BackupShown(Struct, forbid_unknown_fields=True):
    """backup_id: Cloud SQL's."""

    id: UUID
    backup_id: str | None
    requested_at: datetime
    ended_at: datetime | None
    bytes: Bytes | None
    status: Literal["running", "success", "failed"]
    error: str | None


class CheckShown(Struct, forbid_unknown_fields=True):
    name: str
    passed: bool
    detail: str


class VerificationShown(Struct, forbid_unknown_fields=True):
    """backup_id: of the backup that it is about. error: what was wrong with that, or kept it from being looked at."""

    id: UUID
    step: Literal["choose", "create", "restore", "check", "publish", "delete", "done"]
    started_at: datetime
    ended_at: datetime | None
    status: Literal["running", "passed", "failed"]
    backup_id: str | None
    error: str | None
    checks: list[CheckShown]


class BackupStatus(Struct, forbid_unknown_fields=True):
    """The newest of each."""

    status: Literal["success"]
    backup: BackupShown | None
    verification: VerificationShown | None


@dataclass(frozen=True)
class Desk:
    backups: BackupService
    watcher: BackupWatch

    async def parts(self) -> Mapping[str, str]:
        return await self.backups.parts()


async def run(desk: Desk, call: Call[RunQuery, None]) -> Answer:
    """Back up the database, or go on with the backup under way. For the scheduler."""
    state = await desk.backups.run(call.parameters.budget_seconds)
    return answer.of_json(200, state.body)


async def verify(desk: Desk, call: Call[VerifyQuery, None]) -> Answer:
    """Prove the newest backup by restoring it, or go on with the proof under way. For the scheduler."""
    query = call.parameters
    state = await desk.backups.verify(query.budget_seconds, resume_only=query.resume_only == "true")
    return answer.of_json(200, state.body)


async def status(desk: Desk, _: Call[None, None]) -> Answer:
    """The newest backup and the newest verification."""
    state = await desk.backups.status()
    return answer.of_json(200, state.body)


async def watch(desk: Desk, _: Call[None, None]) -> Answer:
    """Publish how old the newest backup and the newest proof of one are, and what failed since. For the scheduler."""
    return answer.of_value(200, {"status": "success", "message": await desk.watcher.publish()})


def app_of_backups(environment: Mapping[str, str]) -> App[Desk]:
    """Raises ConfigurationError, which names the variable."""
    settings = BackupSettings.from_environment(environment)
    publishing = PublishSettings.from_environment(environment)

    def desk(store: Store) -> Desk:
        return Desk(BackupService(settings, store), BackupWatch(settings, publishing, store))

    return app_over_store("backup", ROUTES, environment, desk)


ROUTES = (
    Route(
        method="POST",
        path=f"{PATH}/run",
        handler=run,
        access=MAINTENANCE,
        parameters=RunQuery,
        answer=BackupStatus,
    ),
    Route(
        method="POST",
        path=f"{PATH}/verify",
        handler=verify,
        access=MAINTENANCE,
        parameters=VerifyQuery,
        answer=BackupStatus,
    ),
    Route(method="POST", path=f"{PATH}/watch", handler=watch, access=MAINTENANCE, answer=views.Done),
    Route(method="GET", path=f"{PATH}/status", handler=status, access=service(READ), answer=BackupStatus),
)
