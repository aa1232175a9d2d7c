"""The calls of the Cloud SQL Admin API that backups need. They block, and belong to one thread."""

from collections.abc import Mapping
from typing import Any

from google.auth.credentials import AnonymousCredentials
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from utxoiq_persistence.errors import DatabaseUnavailable

Resource = Mapping[str, Any]

# How often calls that may be repeated are tried again after a 429, a 5xx or a lost connection, with backoff.
RETRIES = 3
LARGEST_PAGE = 1000


class CloudSqlUnavailable(DatabaseUnavailable):
    """The Admin API does not answer, or is busy with the same instance."""


class CloudSqlRefused(Exception):
    """The Admin API refused a request; the message is its own."""


class CloudSql:
    """The Cloud SQL instances of a project. Every method raises CloudSqlUnavailable and CloudSqlRefused."""

    def __init__(self, project: str, endpoint: str | None) -> None:
        self._project = project
        # The local cloud's API needs no credentials; Google's come from the environment.
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
        """Close the connection to the API."""
        self._api.close()

    def list_instances(self) -> list[Resource]:
        """Return the project's instances."""
        return self._list_all(self._api.instances(), project=self._project)

    def get_instance(self, name: str) -> Resource | None:
        """Return the instance, None if there is none of that name."""
        return self._get_or_none(self._api.instances().get(project=self._project, instance=name))

    def create_instance(self, body: Resource) -> None:
        """Begin to create an instance, unless there is one of that name."""
        self._begin(self._api.instances().insert(project=self._project, body=body), taken="instanceAlreadyExists")

    def delete_instance(self, name: str) -> None:
        """Begin to delete an instance."""
        self._begin(self._api.instances().delete(project=self._project, instance=name))

    def restore_backup(self, target: str, source: str, backup_id: str) -> None:
        """Begin to replace the data of the instance `target` by a backup of `source`."""
        context = {"backupRunId": backup_id, "instanceId": source, "project": self._project}
        body = {"restoreBackupContext": context}
        self._begin(self._api.instances().restoreBackup(project=self._project, instance=target, body=body))

    def list_backups(self, instance: str) -> list[Resource]:
        """Return the instance's backups, newest first."""
        return self._list_all(self._api.backupRuns(), project=self._project, instance=instance)

    def create_backup(self, instance: str, description: str) -> None:
        """Begin a backup of the instance."""
        body = {"description": description}
        self._begin(self._api.backupRuns().insert(project=self._project, instance=instance, body=body))

    def delete_backup(self, instance: str, backup_id: str) -> None:
        """Begin to delete a backup."""
        self._begin(self._api.backupRuns().delete(project=self._project, instance=instance, id=backup_id))

    def export(self, instance: str, database: str, uri: str) -> None:
        """Begin to write a database as compressed SQL to an object, gs://…, which does not exist yet."""
        context = {"fileType": "SQL", "uri": uri, "databases": [database], "offload": True}
        body = {"exportContext": {"kind": "sql#exportContext", **context}}
        self._begin(self._api.instances().export(project=self._project, instance=instance, body=body))

    def list_users(self, instance: str) -> list[str]:
        """Return the names of an instance's database users."""
        answer = _execute(self._api.users().list(project=self._project, instance=instance), retries=RETRIES)
        return [str(user["name"]) for user in answer.get("items", [])]

    def create_user(self, instance: str, name: str, role: str) -> None:
        """Begin to create the database user of a service account, as a member of a role."""
        body = {"name": name, "type": "CLOUD_IAM_SERVICE_ACCOUNT", "databaseRoles": [role]}
        self._begin(self._api.users().insert(project=self._project, instance=instance, body=body))

    def list_operations(self, instance: str) -> list[Resource]:
        """Return the instance's operations, newest first."""
        return self._list_all(self._api.operations(), project=self._project, instance=instance)

    def _list_all(self, collection: Any, **where: str) -> list[Resource]:
        request = collection.list(maxResults=LARGEST_PAGE, **where)
        items: list[Resource] = []
        while request is not None:
            page = _execute(request, retries=RETRIES)
            items += page.get("items", [])
            request = collection.list_next(request, page)
        return items

    def _get_or_none(self, request: Any) -> Resource | None:
        try:
            return _execute(request, retries=RETRIES)
        except CloudSqlRefused as refusal:
            if _status(refusal) == 404:
                return None
            raise

    def _begin(self, request: Any, taken: str = "") -> None:
        """Send a request once: callers find out whether it has begun before they try again."""
        try:
            _execute(request, retries=0)
        except CloudSqlRefused as refusal:
            if not taken or taken not in str(refusal.__cause__):
                raise


def describe_failure(operation: Resource) -> str | None:
    """Return the errors of an operation that is done, None if there are none."""
    errors = operation.get("error", {}).get("errors", [])
    return "; ".join(f"{error.get('code', '')}: {error.get('message', '')}" for error in errors) or None


def _execute(request: Any, *, retries: int) -> Resource:
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
