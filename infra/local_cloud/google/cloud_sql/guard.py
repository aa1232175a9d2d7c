"""Who may make which call of the Cloud SQL Admin API, by the role bindings that the program declares."""

from local_cloud.google.api_callers import OPERATOR, ApiCallers
from local_cloud.google.api_error import ApiError
from local_cloud.google.iam import Bindings

INSTANCE_TYPE, BACKUP_TYPE = "sqladmin.googleapis.com/Instance", "sqladmin.googleapis.com/BackupRun"


class Guard:
    """Lets an account make the calls for which a role of its own has the permission, and the operator every call."""

    def __init__(self, project: str, callers: ApiCallers, bindings: Bindings) -> None:
        self._project = project
        self._callers = callers
        self._bindings = bindings

    def check(self, secret: str, permission: str, instance: str | None, backup: str | None = None) -> None:
        """Raise ApiError, 403, unless the caller with that secret has the permission.

        instance, backup: what the call is about; None for the project.
        """
        account = self._callers.account(secret)
        if account is None:
            # Not 401, upon which clients look for fresh credentials, of which they have none.
            raise ApiError(403, "This address is nobody's. Addresses change with each start.", reason="notAuthorized")
        if account == OPERATOR:
            return
        kind, name = "", f"projects/{self._project}"
        if instance is not None:
            kind, name = INSTANCE_TYPE, f"{name}/instances/{instance}"
        if backup is not None:
            kind, name = BACKUP_TYPE, f"{name}/backupRuns/{backup}"
        if not self._bindings.permits(f"serviceAccount:{account}", permission, kind, name):
            raise ApiError(403, f"{account} does not have {permission} on {name}.", reason="notAuthorized")
