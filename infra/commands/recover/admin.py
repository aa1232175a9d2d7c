"""The Admin API's calls that recovery makes, each of which returns when it is done."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError
from httplib2 import HttpLib2Error

from commands.errors import CommandFailed, ExitCode, wrong_usage

Resource = Mapping[str, Any]

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
GROWTH = 1.25
RETRIES = 5
# Another operation on the same instance ends sooner or later: an automated backup, say.
BUSY_SECONDS = 1800.0
UNREACHABLE = (OSError, HttpLib2Error, GoogleAuthError)


class Admin:
    """Calls that begin an operation return when it is done. Every method raises CommandFailed."""

    def __init__(self, project: str, endpoint: str | None) -> None:
        self._project = project
        try:
            self._api: Any = build(
                "sqladmin",
                "v1",
                credentials=AnonymousCredentials() if endpoint else None,  # type: ignore[no-untyped-call]
                client_options={"api_endpoint": endpoint} if endpoint else None,
                static_discovery=True,
            )
        except GoogleAuthError as error:
            raise CommandFailed(
                f"there are no Google credentials: {error}",
                remedy="Log in: gcloud auth application-default login.",
                code=ExitCode.REFUSED,
            ) from error

    def find(self, instance: str) -> Resource | None:
        """Return an instance; None where there is none of that name."""
        try:
            found: Resource = self._api.instances().get(project=self._project, instance=instance).execute()
        except HttpError as error:
            if error.status_code == 404:
                return None
            raise _failed(error) from error
        except UNREACHABLE as error:
            raise _unreachable(error) from error
        return found

    def get(self, instance: str) -> Resource:
        found = self.find(instance)
        if found is None:
            raise CommandFailed(f"there is no instance {instance} in {self._project}")
        return found

    def refuse_moment(self, instance: str, moment: datetime) -> None:
        """Raise CommandFailed for a moment that the instance cannot be recovered to, naming the first one.

        Where Cloud SQL does not say which that is, the clone will tell.
        """
        if moment > datetime.now(UTC):
            raise wrong_usage(f"{moment.isoformat()} is in the future")
        calls = self._api.projects().instances()
        found = _answered(calls.getLatestRecoveryTime(project=self._project, instance=instance))
        earliest = found.get("earliestRecoveryTime")
        if earliest is not None and moment < datetime.fromisoformat(earliest):
            raise CommandFailed(
                f"{moment.isoformat()} is before the first moment that {instance} can be recovered to, {earliest}",
                remedy="Choose a --time from then on; what was archived before is in the archive (`archive --help`).",
            )

    def refuse_replicas(self, instance: str) -> None:
        """Raise CommandFailed for an instance with replicas, before what ends in a restore over it."""
        replicas = self.get(instance).get("replicaNames")
        if replicas:
            raise CommandFailed(
                f"{instance} has a read replica ({', '.join(replicas)}): Cloud SQL restores over no such instance",
                remedy='Take it away first, and make it anew afterwards: docs/operations/recovery.md, "Point in time".',
            )

    def create(self, body: Resource) -> None:
        self._do(lambda: self._api.instances().insert(project=self._project, body=body))

    def delete(self, instance: str) -> None:
        self._do(lambda: self._api.instances().delete(project=self._project, instance=instance))

    def clone(self, instance: str, name: str, moment: str) -> None:
        body = {"cloneContext": {"destinationInstanceName": name, "pointInTime": moment}}
        self._do(lambda: self._api.instances().clone(project=self._project, instance=instance, body=body))

    def restore(self, target: str, source: str, backup_id: str) -> None:
        context = {"backupRunId": backup_id, "instanceId": source, "project": self._project}
        body = {"restoreBackupContext": context}
        self._do(lambda: self._api.instances().restoreBackup(project=self._project, instance=target, body=body))

    def back_up(self, instance: str, description: str) -> str:
        """The backup's id."""
        body = {"description": description}
        self._do(lambda: self._api.backupRuns().insert(project=self._project, instance=instance, body=body))
        return next(str(run["id"]) for run in self.backups(instance) if run.get("description") == description)

    def backups(self, instance: str) -> list[Resource]:
        """Those that succeeded, newest first."""
        runs = self._api.backupRuns()
        items: list[Resource] = []
        request = runs.list(project=self._project, instance=instance)
        while request is not None:
            page = _answered(request)
            items += page.get("items", [])
            request = runs.list_next(request, page)
        return [run for run in items if run["status"] == "SUCCESSFUL"]

    def _do(self, request: Callable[[], Any]) -> None:
        operation = self._begin(request)
        pause = FIRST_PAUSE
        while operation["status"] != "DONE":
            time.sleep(pause)
            pause = min(GROWTH * pause, LONGEST_PAUSE)
            operation = _answered(self._api.operations().get(project=self._project, operation=operation["name"]))
        errors = operation.get("error", {}).get("errors", [])
        if errors:
            raise CommandFailed("; ".join(str(error.get("message") or error.get("code")) for error in errors))

    def _begin(self, request: Callable[[], Any]) -> Resource:
        deadline = time.monotonic() + BUSY_SECONDS
        pause = FIRST_PAUSE
        while True:
            try:
                begun: Resource = request().execute()
            except HttpError as error:
                if "operationInProgress" not in str(error) or time.monotonic() > deadline:
                    raise _failed(error) from error
            except UNREACHABLE as error:
                raise _unreachable(error) from error
            else:
                return begun
            time.sleep(pause)
            pause = min(GROWTH * pause, LONGEST_PAUSE)


def _answered(request: Any) -> Resource:
    try:
        answer: Resource = request.execute(num_retries=RETRIES)
    except HttpError as error:
        raise _failed(error) from error
    except UNREACHABLE as error:
        raise _unreachable(error) from error
    return answer


def _failed(error: HttpError) -> CommandFailed:
    code = ExitCode.REFUSED if error.status_code in (401, 403) else ExitCode.FAILED
    return CommandFailed(f"Cloud SQL refused: {error.reason}", code=code)


def _unreachable(error: Exception) -> CommandFailed:
    return CommandFailed(f"the Cloud SQL Admin API cannot be reached: {error}", code=ExitCode.NOT_RUNNING)
