"""A client of Google's REST APIs: Cloud Monitoring, Cloud Logging and Cloud Scheduler."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from utxoiq_console.sources import ASKED_AGAIN, SENT_ONCE, SourceUnavailable

T = TypeVar("T")
Json = Mapping[str, Any]

VERSIONS = {"monitoring": "v3", "logging": "v2", "cloudscheduler": "v1", "cloudtrace": "v1"}
NAMES = {
    "monitoring": "Cloud Monitoring",
    "logging": "Cloud Logging",
    "cloudscheduler": "Cloud Scheduler",
    "cloudtrace": "Cloud Trace",
}
TIMEOUT_SECONDS = 20
# The methods of APIs that change nothing; all others are sent because somebody asked for it.
READING = frozenset({"get", "list"})
THREADS = 8


class GoogleApis:
    """Calls Google's APIs in threads, with the credentials of the environment.

    `endpoint` is the URL of a local stand-in, which needs no credentials; None for Google itself.
    """

    def __init__(self, endpoint: str | None) -> None:
        self._endpoint = endpoint
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="google")
        self._building = threading.Lock()
        self._apis: dict[str, Any] = {}
        self._credentials: Any = None
        self._thread_local = threading.local()

    async def call(self, api: str, request: Callable[[Any], Any]) -> Json:
        """Return the response of an API to the request that `request` builds. Raises SourceUnavailable."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._call, api, request)

    def close(self) -> None:
        """Cancel waiting calls and stop the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _call(self, api: str, request: Callable[[Any], Any]) -> Json:
        # These imports take a quarter of a second, which other pages need not wait for.
        from google.auth.exceptions import GoogleAuthError
        from googleapiclient.errors import HttpError
        from httplib2 import HttpLib2Error

        consequence = ASKED_AGAIN
        try:
            built = request(self._api(api))
            if built.methodId.rpartition(".")[2] not in READING:
                consequence = SENT_ONCE
            answer: Json = built.execute(http=self._http())
        except HttpError as error:
            raise SourceUnavailable(
                f"{NAMES[api]} answered {error.status_code}: {error.reason}. {_remedy(error, consequence)}"
            ) from error
        except (GoogleAuthError, HttpLib2Error, OSError) as error:
            raise SourceUnavailable(
                f"{NAMES[api]} cannot be reached ({type(error).__name__}). {consequence}"
            ) from error
        return answer

    def _api(self, name: str) -> Any:
        with self._building:
            if name not in self._apis:
                from googleapiclient.discovery import build

                self._apis[name] = build(
                    name,
                    VERSIONS[name],
                    credentials=self._authorized(),
                    client_options={"api_endpoint": self._endpoint} if self._endpoint else None,
                    cache_discovery=False,
                    static_discovery=True,
                )
            return self._apis[name]

    def _authorized(self) -> Any:
        if self._credentials is None:
            import google.auth
            from google.auth.credentials import AnonymousCredentials

            if self._endpoint:
                self._credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
            else:
                self._credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
        return self._credentials

    def _http(self) -> Any:
        """Return the HTTP connection of this thread: httplib2 connections cannot be shared between threads."""
        if not hasattr(self._thread_local, "http"):
            import httplib2
            from google_auth_httplib2 import AuthorizedHttp

            self._thread_local.http = AuthorizedHttp(self._authorized(), http=httplib2.Http(timeout=TIMEOUT_SECONDS))
        return self._thread_local.http


def _remedy(error: Any, consequence: str) -> str:
    if error.status_code in (401, 403):
        return "The console's account lacks a role: `pulumi up` grants it."
    if consequence == SENT_ONCE and error.status_code < 500:
        return "Nothing was changed."
    return consequence
