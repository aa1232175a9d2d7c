"""What Cloud SQL knows of itself, kept in a file: instances, backup runs, operations."""

import json
import secrets
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local_cloud.google.api_error import ApiError
from local_cloud.google.cloud_sql.errors import no_instance
from local_cloud.state import write_private

ApiObject = dict[str, Any]


class InstanceCatalog:
    """Keeps resources as the API shows them, and in `local`, by instance, what this machine must know besides."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.RLock()
        kept = json.loads(file.read_text()) if file.exists() else {}
        self.password: str = kept.get("password") or secrets.token_urlsafe(24)
        self.operations: list[ApiObject] = kept.get("operations", [])
        self._instances: dict[str, ApiObject] = kept.get("instances", {})
        self._local: dict[str, ApiObject] = kept.get("local", {})
        self._backups: dict[str, list[ApiObject]] = kept.get("backups", {})

    def instances(self) -> list[ApiObject]:
        """Return all instances."""
        with self._lock:
            return [dict(body) for body in self._instances.values()]

    def instance(self, name: str) -> ApiObject:
        """Return an instance. Raises ApiError if there is none of the name."""
        with self._lock:
            if name not in self._instances:
                raise no_instance(name)
            return dict(self._instances[name])

    def local(self, name: str) -> Mapping[str, Any]:
        """Return what this machine knows of an instance beyond what the API shows."""
        with self._lock:
            return dict(self._local.get(name, {}))

    def add(self, body: ApiObject) -> None:
        """Store a new instance. Raises ApiError if the name is taken."""
        with self._lock:
            if body["name"] in self._instances:
                raise ApiError(
                    409, f"The Cloud SQL instance {body['name']} already exists.", reason="instanceAlreadyExists"
                )
            self.put(body)

    def put(self, body: ApiObject) -> None:
        """Store an instance in the place of the one of its name."""
        with self._lock:
            self._instances[body["name"]] = body
            self.save()

    def change(self, name: str, **fields: object) -> None:
        """Change fields of an instance; do nothing if it is gone."""
        with self._lock:
            if name in self._instances:
                self._instances[name] = {**self._instances[name], **fields}
                self.save()

    def change_local(self, name: str, **fields: object) -> None:
        """Change what this machine knows of an instance."""
        with self._lock:
            self._local[name] = {**self._local.get(name, {}), **fields}
            self.save()

    def remove(self, name: str) -> None:
        """Forget an instance and its backup runs."""
        with self._lock:
            for part in (self._instances, self._local, self._backups):
                part.pop(name, None)
            self.save()

    def backups(self, instance: str) -> list[ApiObject]:
        """Return an instance's backup runs, newest first."""
        with self._lock:
            return [dict(backup) for backup in reversed(self._backups.get(instance, []))]

    def backup(self, instance: str, backup_id: str) -> ApiObject:
        """Return a backup run. Raises ApiError if there is none of the id."""
        for backup in self.backups(instance):
            if backup["id"] == backup_id:
                return backup
        raise ApiError(404, f"The instance {instance} has no backup run {backup_id}.", reason="backupRunDoesNotExist")

    def put_backup(self, backup: ApiObject) -> None:
        """Store a backup run in the place of the one of its id."""
        with self._lock:
            runs = self._backups.setdefault(backup["instance"], [])
            runs[:] = [run for run in runs if run["id"] != backup["id"]] + [backup]
            self.save()

    def remove_backup(self, instance: str, backup_id: str) -> None:
        """Forget a backup run."""
        with self._lock:
            runs = self._backups.get(instance, [])
            runs[:] = [run for run in runs if run["id"] != backup_id]
            self.save()

    def save(self) -> None:
        """Write everything to the file."""
        with self._lock:
            kept = {
                "password": self.password,
                "instances": self._instances,
                "local": self._local,
                "backups": self._backups,
                "operations": self.operations,
            }
            write_private(self._file, json.dumps(kept, indent=1))
