"""The Admin API's calls that recovery makes, each of which returns when it is done."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from google.auth.credentials import AnonymousCredentials
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from commands.recover.errors import RecoveryFailed

Resource = Mapping[str, Any]

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
GROWTH = 1.25
RETRIES = 5
# Another operation on the same instance ends sooner or later: an automated backup, say.
BUSY_SECONDS = 1800.0


class Admin:
    """Every method raises RecoveryFailed."""

    def __init__(self, project: str, endpoint: str | None) -> None:
        self._project = project
        self._api: Any = build(
            "sqladmin",
            "v1",
            credentials=AnonymousCredentials() if endpoint else None,  # type: ignore[no-untyped-call]
            client_options={"api_endpoint": endpoint} if endpoint else None,
            static_discovery=True,
        )

    def find(self, instance: str) -> Resource | None:
        try:
            found: Resource = self._api.instances().get(project=self._project, instance=instance).execute()
        except HttpError as error:
            if error.status_code == 404:
                return None
            raise _failed(error) from error
        return found

    def get(self, instance: str) -> Resource:
        found = self.find(instance)
        if found is None:
            raise RecoveryFailed(f"there is no instance {instance} in {self._project}")
        return found

    def refuse_replicas(self, instance: str) -> None:
        """Before what ends in a restore over an instance."""
        replicas = self.get(instance).get("replicaNames")
        if replicas:
            raise RecoveryFailed(
                f"{instance} has a read replica ({', '.join(replicas)}): Cloud SQL restores over no such instance.\n"
                'Take it away first, and make it anew afterwards: docs/operations/recovery.md, "Point in time".'
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
            raise RecoveryFailed("; ".join(str(error.get("message") or error.get("code")) for error in errors))

    def _begin(self, request: Callable[[], Any]) -> Resource:
        deadline = time.monotonic() + BUSY_SECONDS
        pause = FIRST_PAUSE
        while True:
            try:
                begun: Resource = request().execute()
            except HttpError as error:
                if "operationInProgress" not in str(error) or time.monotonic() > deadline:
                    raise _failed(error) from error
            else:
                return begun
            time.sleep(pause)
            pause = min(GROWTH * pause, LONGEST_PAUSE)


def _answered(request: Any) -> Resource:
    try:
        answer: Resource = request.execute(num_retries=RETRIES)
    except HttpError as error:
        raise _failed(error) from error
    return answer


def _failed(error: HttpError) -> RecoveryFailed:
    return RecoveryFailed(f"Cloud SQL refused: {error.reason}")
