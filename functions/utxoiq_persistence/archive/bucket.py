"""The archive's bucket: objects are written once, read whole, and removed by name."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

from utxoiq_persistence.errors import PersistenceError

PATIENCE_SECONDS = 30.0
PARQUET_TYPE = "application/vnd.apache.parquet"
JSON_TYPE = "application/json"
SUFFIX = ".parquet"
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
    return f"manifests/{name.removesuffix(SUFFIX)}.json"


class ArchiveBucket:
    """The bucket of archived rows. Methods block, are safe for several threads, and raise ArchiveUnavailable."""

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

    def get(self, name: str, generation: int) -> bytes:
        """Return the object's content. Raises ObjectMissing, also if the object was replaced."""
        blob = self._bucket.blob(name)
        with _failures(name):
            content: bytes = blob.download_as_bytes(
                if_generation_match=generation, timeout=PATIENCE_SECONDS, retry=_retry()
            )
        return content

    def remove(self, name: str) -> None:
        """Remove the object; one that does not exist counts as removed."""
        try:
            with _failures(name):
                self._bucket.blob(name).delete(timeout=PATIENCE_SECONDS, retry=_retry())
        except ObjectMissing:
            return

    def expunge(self, name: str) -> None:
        """Remove the object in all versions that the bucket keeps."""
        with _failures(name):
            versions = self._bucket.list_blobs(prefix=name, versions=True, timeout=PATIENCE_SECONDS, retry=_retry())
            for version in list(versions):
                version.delete(timeout=PATIENCE_SECONDS, retry=_retry())


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
