"""Long-running operations: what a call that takes its time answers at once, and is asked about until it is done."""

import threading
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from local_cloud.google.api_error import ApiError
from local_cloud.google.cloud_sql import times
from local_cloud.processes.server import ServerFailed

THREADS = 8
KEPT = 500


class Operations:
    """Runs one operation at a time on each instance.

    Its threads last until it is closed, since servers end with the thread that started them. kept: the operations of an
    earlier run; what was under way then has failed now. changed: called after each change.
    """

    def __init__(self, project: str, kept: Iterable[dict[str, Any]], changed: Callable[[], None]) -> None:
        self._project = project
        self._changed = changed
        self._lock = threading.Lock()
        self._busy: set[str] = set()
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="cloudsql")
        self._by_name: dict[str, dict[str, Any]] = {}
        for operation in kept:
            self._by_name[operation["name"]] = operation
            if operation["status"] != "DONE":
                _finish(operation, "the local Cloud SQL was stopped while this ran")

    def begin(self, kind: str, instance: str, work: Callable[[], None], **more: object) -> dict[str, Any]:
        """Start the work in a thread, and return the operation. Raises ApiError if the instance is being worked on."""
        operation: dict[str, Any] = {
            "kind": "sql#operation",
            "name": str(uuid.uuid4()),
            "operationType": kind,
            "status": "PENDING",
            "targetId": instance,
            "targetProject": self._project,
            "insertTime": times.format_now(),
            **more,
        }
        with self._lock:
            if instance in self._busy:
                raise ApiError(
                    409, f"Another operation on {instance} is in progress; try again.", reason="operationInProgress"
                )
            self._busy.add(instance)
            self._by_name[operation["name"]] = operation
            for name in list(self._by_name)[:-KEPT]:
                del self._by_name[name]
        answer = dict(operation)
        self._threads.submit(self._run, operation, instance, work)
        return answer

    def get(self, name: str) -> dict[str, Any]:
        """Return an operation as it is now. Raises ApiError if there is none of the name."""
        with self._lock:
            operation = self._by_name.get(name)
            if operation is None:
                raise ApiError(404, f"The operation {name} does not exist.", reason="operationDoesNotExist")
            return dict(operation)

    def all(self) -> list[dict[str, Any]]:
        """Return all operations, newest first."""
        with self._lock:
            return [dict(operation) for operation in reversed(self._by_name.values())]

    def run(self, work: Callable[[], object]) -> None:
        """Do the work in one of the threads, and return when it is done."""
        self._threads.submit(work).result()

    def close(self) -> None:
        """Wait for what runs, and end the threads."""
        self._threads.shutdown()

    def _run(self, operation: dict[str, Any], instance: str, work: Callable[[], None]) -> None:
        with self._lock:
            operation.update(status="RUNNING", startTime=times.format_now())
        failure = None
        try:
            work()
        except (ServerFailed, OSError, ApiError) as error:
            failure = str(error)
        except BaseException as error:
            failure = repr(error)
            raise
        finally:
            with self._lock:
                self._busy.discard(instance)
                _finish(operation, failure)
            self._changed()


def _finish(operation: dict[str, Any], failure: str | None) -> None:
    operation.update(status="DONE", endTime=times.format_now())
    if failure is not None:
        error = {"kind": "sql#operationError", "code": "INTERNAL_ERROR", "message": failure}
        operation["error"] = {"kind": "sql#operationErrors", "errors": [error]}
