"""Long-running operations: what a call that takes its time answers at once, and is asked about until it is done."""

import threading
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from local_cloud.google.api_error import ApiError
from local_cloud.google.cloud_sql import moments
from local_cloud.processes.server import ServerFailed

THREADS = 8
KEPT = 500


class Operations:
    """One at a time works on an instance. Threads last, since servers end with the thread that started them.

    kept: those of an earlier run; what was under way then is failed now. changed: told after each change.
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
                _end(operation, "the local Cloud SQL was stopped while this ran")

    def begin(self, kind: str, instance: str, work: Callable[[], None], **more: object) -> dict[str, Any]:
        """Starts the work in a thread. Raises ApiError where the instance is worked on."""
        operation: dict[str, Any] = {
            "kind": "sql#operation",
            "name": str(uuid.uuid4()),
            "operationType": kind,
            "status": "PENDING",
            "targetId": instance,
            "targetProject": self._project,
            "insertTime": moments.now(),
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
        with self._lock:
            operation = self._by_name.get(name)
            if operation is None:
                raise ApiError(404, f"The operation {name} does not exist.", reason="operationDoesNotExist")
            return dict(operation)

    def all(self) -> list[dict[str, Any]]:
        """Newest first."""
        with self._lock:
            return [dict(operation) for operation in reversed(self._by_name.values())]

    def run(self, work: Callable[[], object]) -> None:
        """In one of the threads; returns when it is done."""
        self._threads.submit(work).result()

    def close(self) -> None:
        """Waits for what runs."""
        self._threads.shutdown()

    def _run(self, operation: dict[str, Any], instance: str, work: Callable[[], None]) -> None:
        with self._lock:
            operation.update(status="RUNNING", startTime=moments.now())
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
                _end(operation, failure)
            self._changed()


def _end(operation: dict[str, Any], failure: str | None) -> None:
    operation.update(status="DONE", endTime=moments.now())
    if failure is not None:
        error = {"kind": "sql#operationError", "code": "INTERNAL_ERROR", "message": failure}
        operation["error"] = {"kind": "sql#operationErrors", "errors": [error]}
