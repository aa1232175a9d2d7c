"""The calls of the Cloud SQL Admin API that backups need, by Google's client library. Blocking, for one thread."""

from collections.abc import Mapping
from typing import Any

from google.auth.credentials import AnonymousCredentials
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from utxoiq_persistence.errors import DatabaseUnavailable

Resource = Mapping[str, Any]

# Of calls that may be repeated: after a 429, a 5xx or a lost connection, with backoff.
RETRIES = 3
LARGEST_PAGE = 1000


class CloudSqlUnavailable(DatabaseUnavailable):
    """The Admin API does not answer, or is at work on the same instance."""


class CloudSqlRefused(Exception):
    """The Admin API will not do what it was asked; the text is its own."""


class CloudSql:
    """The instances of a project. Every method raises CloudSqlUnavailable and CloudSqlRefused."""

    def __init__(self, project: str, endpoint: str | None) -> None:
        self._project = project
        # A local API asks for no credentials; Google's are those of the environment.
        local = endpoint is not None and endpoint.startswith("http:")
        self._api: Any = build(
            "sqladmin",
            "v1",
            credentials=AnonymousCredentials() if local else None,  # type: ignore[no-untyped-call]
            client_options={"api_endpoint": endpoint} if endpoint else None,
            static_discovery=True,
            cache_discovery=False,
        )

    def close(self) -> None:
        self._api.close()

    def instances(self) -> list[Resource]:
        return self._all(self._api.instances(), project=self._project)

    def instance(self, name: str) -> Resource | None:
        return self._found(self._api.instances().get(project=self._project, instance=name))

    def create(self, body: Resource) -> None:
        """Nothing where there is an instance of that name."""
        self._begun(self._api.instances().insert(project=self._project, body=body), taken="instanceAlreadyExists")

    def delete(self, name: str) -> None:
        self._begun(self._api.instances().delete(project=self._project, instance=name))

    def restore(self, target: str, source: str, backup_id: str) -> None:
        """Replaces what target holds by a backup of source."""
        context = {"backupRunId": backup_id, "instanceId": source, "project": self._project}
        body = {"restoreBackupContext": context}
        self._begun(self._api.instances().restoreBackup(project=self._project, instance=target, body=body))

    def backups(self, instance: str) -> list[Resource]:
        """Newest first."""
        return self._all(self._api.backupRuns(), project=self._project, instance=instance)

    def back_up(self, instance: str, description: str) -> None:
        body = {"description": description}
        self._begun(self._api.backupRuns().insert(project=self._project, instance=instance, body=body))

    def delete_backup(self, instance: str, backup_id: str) -> None:
        self._begun(self._api.backupRuns().delete(project=self._project, instance=instance, id=backup_id))

    def operations(self, instance: str) -> list[Resource]:
        """Newest first."""
        return self._all(self._api.operations(), project=self._project, instance=instance)

    def _all(self, collection: Any, **where: str) -> list[Resource]:
        request = collection.list(maxResults=LARGEST_PAGE, **where)
        items: list[Resource] = []
        while request is not None:
            page = _executed(request, retries=RETRIES)
            items += page.get("items", [])
            request = collection.list_next(request, page)
        return items

    def _found(self, request: Any) -> Resource | None:
        try:
            return _executed(request, retries=RETRIES)
        except CloudSqlRefused as refusal:
            if _status(refusal) == 404:
                return None
            raise

    def _begun(self, request: Any, taken: str = "") -> None:
        """Not repeated here: who asks looks first whether it was begun."""
        try:
            _executed(request, retries=0)
        except CloudSqlRefused as refusal:
            if not taken or taken not in str(refusal.__cause__):
                raise


def failure(operation: Resource) -> str | None:
    """What went wrong with an operation that is done."""
    errors = operation.get("error", {}).get("errors", [])
    return "; ".join(f"{error.get('code', '')}: {error.get('message', '')}" for error in errors) or None


def _executed(request: Any, *, retries: int) -> Resource:
    try:
        answer: Resource = request.execute(num_retries=retries)
    except HttpError as error:
        if error.status_code == 429 or error.status_code >= 500 or "operationInProgress" in str(error):
            raise CloudSqlUnavailable("Cloud SQL is busy with this instance; try again", retry_after=30) from error
        raise CloudSqlRefused(str(error.reason)) from error
    except OSError as error:
        raise CloudSqlUnavailable("Cloud SQL's Admin API cannot be reached; try again") from error
    return answer


def _status(refusal: CloudSqlRefused) -> int:
    cause = refusal.__cause__
    return cause.status_code if isinstance(cause, HttpError) else 0
