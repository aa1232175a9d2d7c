"""The archive's bucket: objects are written once and read whole. None is replaced or deleted."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec

from utxoiq_persistence.errors import PersistenceError

PATIENCE_SECONDS = 30.0
PARQUET_TYPE = "application/vnd.apache.parquet"
JSON_TYPE = "application/json"
SUFFIX = ".parquet"
MANIFESTS = "manifests/"
WITHDRAWN = ".withdrawn.json"
# The reasons with which Cloud Storage refuses a deletion though the caller has the right to it.
KEEPING = frozenset({"retentionPolicyNotMet", "objectUnderActiveHold"})
# Cloud Storage accepts no earlier custom time.
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


class ArchiveUnavailable(PersistenceError):
    """The bucket cannot be reached or refuses. No row is lost: rows stay until their object is verified."""


class ArchiveUnreadable(PersistenceError):
    """Says that archived data failed its integrity check."""


class ObjectMissing(PersistenceError):
    """The bucket has no such object, or no longer."""


def new_name(table: str, day: date) -> str:
    """Return a new name for an object of that day. Each attempt has its own, so nobody else writes it."""
    return f"{table}/year={day.year:04d}/month={day.month:02d}/day={day.day:02d}/{uuid4().hex}{SUFFIX}"


def manifest_name(name: str) -> str:
    """Return the name of the object's manifest. Only an object with a manifest was verified."""
    return f"{MANIFESTS}{name.removesuffix(SUFFIX)}.json"


def withdrawal_name(name: str) -> str:
    """Return the name of what says that the object is no part of the archive, whatever else its manifest says."""
    return f"{MANIFESTS}{name.removesuffix(SUFFIX)}{WITHDRAWN}"


class ArchiveBucket:
    """The bucket of archived rows, which is created in and read from.

    Methods block, are safe for several threads, and raise ArchiveUnavailable.
    """

    def __init__(self, project: str, bucket: str) -> None:
        # Imported on first use, which saves 0.25 s when a process starts.
        from google.cloud.storage import Client

        self._bucket: Any = Client(project=project).bucket(bucket)

    def put(self, name: str, day: date, content: bytes, content_type: str) -> int:
        """Write an object that does not exist yet. Return its generation.

        Its lifecycle age counts from the end of `day`.
        """
        blob = self._bucket.blob(name)
        blob.custom_time = max(datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1), EARLIEST)
        with _failures(name):
            from google.api_core.exceptions import PreconditionFailed

            try:
                blob.upload_from_string(
                    content, content_type, if_generation_match=0, timeout=PATIENCE_SECONDS, retry=_retry()
                )
            except PreconditionFailed:
                # Names are never reused: an attempt whose answer was lost wrote it. Reading it back verifies it.
                blob.reload(timeout=PATIENCE_SECONDS, retry=_retry())
        generation: int = blob.generation
        return generation

    def get(self, name: str) -> bytes:
        """Return the object's content, of whichever generation. Raises ObjectMissing if it is gone.

        One that was deleted and brought back has another generation than it was written with: its checksum tells
        whether it is the same.
        """
        try:
            with _failures(name):
                content: bytes = self._bucket.blob(name).download_as_bytes(timeout=PATIENCE_SECONDS, retry=_retry())
        except ObjectMissing:
            self._check_bucket(name)
            raise
        return content

    def withdraw(self, name: str) -> None:
        """Say beside the object that it is no part of the archive, though it may be there now or later.

        Only the bucket's lifecycle deletes: whoever may write here can hide rows, and destroy none.
        """
        self.put(withdrawal_name(name), _read_day(name), msgspec.json.encode({"withdrawn": name}), JSON_TYPE)

    def has(self, name: str, *, versions: bool = False) -> bool:
        """Return whether the bucket has the object; with `versions`, also whether it has an older version of it.

        Raises ArchiveUnavailable, also if there is no bucket.
        """
        try:
            with _failures(name):
                found = self._bucket.client.list_blobs(
                    self._bucket,
                    prefix=name,
                    versions=versions,
                    max_results=1,
                    timeout=PATIENCE_SECONDS,
                    retry=_retry(),
                )
                return any(blob.name == name for blob in found)
        except ObjectMissing as error:
            raise ArchiveUnavailable(f"the archive's bucket {self._bucket.name} is not there") from error

    def list_withdrawn(self, table: str, before: datetime) -> frozenset[str]:
        """Return the names of the table's objects that were withdrawn before that moment, by the bucket's clock."""
        folder = f"{MANIFESTS}{table}/"
        with _failures(folder):
            found = self._bucket.list_blobs(prefix=folder, timeout=PATIENCE_SECONDS, retry=_retry())
            return frozenset(
                f"{blob.name.removeprefix(MANIFESTS).removesuffix(WITHDRAWN)}{SUFFIX}"
                for blob in found
                if blob.name.endswith(WITHDRAWN) and blob.time_created < before
            )

    def list_versions(self, table: str) -> Mapping[str, Sequence[Any]]:
        """Return the table's objects, in all versions that the bucket keeps, by name."""
        versions: dict[str, list[Any]] = {}
        folder = f"{table}/"
        with _failures(folder):
            found = self._bucket.list_blobs(prefix=folder, versions=True, timeout=PATIENCE_SECONDS, retry=_retry())
            for blob in found:
                versions.setdefault(blob.name, []).append(blob)
        return versions

    def delete_versions(self, versions: Sequence[Any]) -> bool:
        """Delete these versions of an object, the live one last. Return False if a retention policy or hold keeps one.

        A version that is gone already is as good as deleted.
        """
        for blob in sorted(versions, key=lambda blob: blob.generation):
            if blob.retention_expiration_time is not None and blob.retention_expiration_time > datetime.now(UTC):
                return False
            if not self._delete(blob):
                return False
        return True

    def _delete(self, blob: Any) -> bool:
        """Delete one version. Return False where Cloud Storage keeps it, which lists do not always tell."""
        from google.api_core.exceptions import Forbidden, NotFound

        with _failures(blob.name):
            try:
                blob.delete(timeout=PATIENCE_SECONDS, retry=_retry())
            except Forbidden as error:
                if not KEEPING.intersection(one.get("reason") for one in error.errors):
                    raise
                return False
            except NotFound:
                pass
        return True

    def _check_bucket(self, name: str) -> None:
        """Raise ArchiveUnavailable if it is the bucket that is missing, or if the object is there after all.

        What is gone from the bucket is given up, so nothing may be taken for gone because the bucket is.
        """
        if self.has(name):
            raise ArchiveUnavailable(f"the archive's bucket failed at {name}; try again")


def _read_day(name: str) -> date:
    parts = dict(part.split("=") for part in name.split("/") if "=" in part)
    return date(int(parts["year"]), int(parts["month"]), int(parts["day"]))


def _retry() -> Any:
    from google.cloud.storage.retry import DEFAULT_RETRY

    return DEFAULT_RETRY.with_timeout(PATIENCE_SECONDS)


@contextmanager
def _failures(name: str) -> Iterator[None]:
    """Translate the client library's exceptions into ArchiveUnavailable and ObjectMissing."""
    from google.api_core.exceptions import GoogleAPIError, NotFound, PreconditionFailed
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.storage.exceptions import DataCorruption, InvalidResponse
    from requests.exceptions import RequestException

    try:
        yield
    except (NotFound, PreconditionFailed) as error:
        raise ObjectMissing(f"the archive has no object {name}") from error
    except (GoogleAPIError, GoogleAuthError, DataCorruption, InvalidResponse, RequestException, OSError) as error:
        raise ArchiveUnavailable(f"the archive's bucket failed at {name}; try again") from error
