"""The archive's bucket: objects that are written once, read whole, and removed by name."""

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
# Cloud Storage takes no times of long ago.
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


class ArchiveUnavailable(PersistenceError):
    """The bucket cannot be reached, or refuses; nothing is lost, since rows stay until their object is verified."""


class ObjectMissing(PersistenceError):
    """The bucket has no such object, or no longer."""


def new_name(table: str, day: date) -> str:
    """Of an object that nobody else writes: each attempt has a name of its own."""
    return f"{table}/year={day.year:04d}/month={day.month:02d}/day={day.day:02d}/{uuid4().hex}{SUFFIX}"


def manifest_of(name: str) -> str:
    """The manifest's name. An object with a manifest was verified; one without is no part of the archive."""
    return f"manifests/{name.removesuffix(SUFFIX)}.json"


class Archive:
    """Blocking; fit for several threads. Every method raises ArchiveUnavailable."""

    def __init__(self, project: str, bucket: str) -> None:
        # Imported where it is first needed: 0.25 s that the start of a process need not pay.
        from google.cloud.storage import Client

        self._bucket: Any = Client(project=project).bucket(bucket)

    def put(self, name: str, day: date, content: bytes, content_type: str) -> int:
        """Writes an object that is not there yet; its generation. Objects of one day age from that day's end."""
        blob = self._bucket.blob(name)
        blob.custom_time = max(datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1), EARLIEST)
        with _failures(name):
            from google.api_core.exceptions import PreconditionFailed

            try:
                blob.upload_from_string(
                    content, content_type, if_generation_match=0, timeout=PATIENCE_SECONDS, retry=_retry()
                )
            except PreconditionFailed:
                # Names are never used twice: it is there since an attempt's answer was lost. Reading it will tell.
                blob.reload(timeout=PATIENCE_SECONDS, retry=_retry())
        generation: int = blob.generation
        return generation

    def get(self, name: str, generation: int) -> bytes:
        """Raises ObjectMissing, also where the object was replaced."""
        blob = self._bucket.blob(name)
        with _failures(name):
            content: bytes = blob.download_as_bytes(
                if_generation_match=generation, timeout=PATIENCE_SECONDS, retry=_retry()
            )
        return content

    def remove(self, name: str) -> None:
        """An object that is not there is removed already."""
        try:
            with _failures(name):
                self._bucket.blob(name).delete(timeout=PATIENCE_SECONDS, retry=_retry())
        except ObjectMissing:
            return


def _retry() -> Any:
    from google.cloud.storage.retry import DEFAULT_RETRY

    return DEFAULT_RETRY.with_timeout(PATIENCE_SECONDS)


@contextmanager
def _failures(name: str) -> Iterator[None]:
    """Turns what the client library raises into what callers know."""
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
