"""Exports of databases to buckets: pg_dump, and an upload with the rights that the instance's own account has."""

import http.client
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlsplit

from local_cloud.google.api_error import ApiError
from local_cloud.google.cloud_sql.errors import invalid
from local_cloud.google.cloud_sql.instance import ManagedPostgres
from local_cloud.google.iam import Bindings
from local_cloud.processes.postgres import SUPERUSER
from local_cloud.processes.postgres_wheel import binaries

OBJECT_TYPE = "storage.googleapis.com/Object"
CREATE = "storage.objects.create"
PATIENCE_SECONDS = 600


def service_agent(instance: str) -> str:
    """Return the account as which an instance writes to buckets."""
    return f"{instance}@gcp-sa-cloud-sql.iam.gserviceaccount.com"


class Exports:
    """Writes dumps to buckets.

    storage: returns the storage server's address; None while there is no bucket. bindings: says who may write where;
    without them, everybody may.
    """

    def __init__(self, storage: Callable[[], str | None], bindings: Bindings | None = None) -> None:
        self._storage = storage
        self._bindings = bindings

    def check(self, instance: str, uri: str) -> None:
        """Raise ApiError unless the instance may create the object."""
        bucket, name = _split(uri)
        if self._storage() is None:
            raise invalid(f"There is no bucket {bucket}.")
        path = f"projects/_/buckets/{bucket}/objects/{name}"
        agent = service_agent(instance)
        if self._bindings and not self._bindings.permits(f"serviceAccount:{agent}", CREATE, OBJECT_TYPE, path):
            raise ApiError(
                403, f"The service account {agent} does not have {CREATE} on {uri} now.", reason="notAuthorized"
            )

    def write(self, server: ManagedPostgres, folder: Path, database: str, uri: str) -> None:
        """Dump a database, and create the object. Raises ServerFailed, ApiError."""
        dump = server.owned_folder(folder) / "dump.sql.gz"
        try:
            server.run(
                [
                    str(binaries() / "pg_dump"),
                    f"--host={server.socket_dir}",
                    f"--port={server.port}",
                    f"--username={SUPERUSER}",
                    "--compress=gzip",
                    f"--file={dump}",
                    database,
                ]
            )
            self._upload(dump, uri)
        finally:
            dump.unlink(missing_ok=True)

    def _upload(self, dump: Path, uri: str) -> None:
        bucket, name = _split(uri)
        address = urlsplit(self._storage() or "").netloc
        connection = http.client.HTTPConnection(address, timeout=PATIENCE_SECONDS)
        path = f"/upload/storage/v1/b/{bucket}/o?uploadType=media&ifGenerationMatch=0&name={quote(name, safe='')}"
        headers = {"Content-Type": "application/gzip", "Content-Length": str(dump.stat().st_size)}
        try:
            with dump.open("rb") as content:
                connection.request("POST", path, content, headers)
                answer = connection.getresponse()
                if answer.status >= 300:
                    raise ApiError(answer.status, f"{uri}: storage answered {answer.read()[:500]!r}")
        finally:
            connection.close()


def _split(uri: str) -> tuple[str, str]:
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    if not uri.startswith("gs://") or not bucket or not name:
        raise invalid(f"The URI {uri} is not gs://bucket/object.")
    return bucket, name
