"""A system whose alerts are evaluated an hour a minute, with the traffic of a good day, to be broken."""

import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import pg8000.native
import psutil
import redis
from tests.system.running import LocalStack, configured_project, until

PACE = 60
PREFIX = "utxoiq-local"
PUBLISH = "/api/v1/monitoring/database/publish-metrics"
WATCH = "/api/v1/monitoring/backup/watch"
# What publishes, by schedule: its path, whose token it shows, and after how many minutes it does so again.
PUBLISHERS = {"publish-metrics": (PUBLISH, "scheduler_token", 1), "watch-backups": (WATCH, "backup_token", 2)}
STATS = "/api/v1/feedback/stats"
RATINGS = "/api/v1/feedback/user"
# A machine that is small enough to be filled.
SMALL = {"databaseTier": "db-f1-micro"}
# A request every so often: enough for one failure to be none in twenty, and none in a thousand for long.
TRAFFIC_SECONDS = 0.05
OPEN_SECONDS = CLOSE_SECONDS = 240.0
# Alerts are evaluated once a second at the pace; to look more often takes time from what is looked at.
LOOK_SECONDS = 0.25
# What it takes to speak TLS, which each client would make anew: that takes longer than many requests.
TLS = ssl.create_default_context()


class Repeating:
    """Does something again and again, in a thread, from entering to leaving. What fails is tried again."""

    def __init__(self, work: Callable[[], object], seconds: float) -> None:
        self._work = work
        self._seconds = seconds
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Repeating":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._end.wait(max(0.0, due - time.monotonic())):
            due = max(due + self._seconds, time.monotonic())
            try:
                self._work()
            except (httpx.HTTPError, psutil.NoSuchProcess, pg8000.exceptions.Error, redis.RedisError):
                continue  # of what is broken on purpose, or was ended by whoever followed a runbook


class EndableConnection(pg8000.native.Connection):  # type: ignore[misc]
    """One that may be closed although the server has ended it, for whoever followed a runbook."""

    def close(self) -> None:
        """Close it."""
        with suppress(pg8000.exceptions.InterfaceError):
            super().close()


class Watched:
    """The schedules keep to the clock, which is too slow for this: it publishes as often as they would at the pace."""

    def __init__(self, folder: Path) -> None:
        self.stack = LocalStack(folder, configured_project(folder, SMALL), ("--pace", str(PACE)))
        self.published: dict[str, Repeating] = {}
        self._traffic: Repeating | None = None

    def start(self) -> "Watched":
        self.stack.start()
        self.publish()
        self._traffic = Repeating(self._good_requests(), TRAFFIC_SECONDS)
        self._traffic.__enter__()
        return self

    def stop(self) -> None:
        self.publish_nothing()
        if self._traffic is not None:
            self._traffic.__exit__()
        self._traffic = None

    def end(self) -> None:
        self.stop()
        self.stack.end()

    def publish(self, *schedules: str) -> None:
        """As these schedules would, or as all that publish."""
        credentials = self.stack.description["credentials"]
        for schedule in schedules or PUBLISHERS:
            path, token, minutes = PUBLISHERS[schedule]
            headers = {"Authorization": f"Bearer {credentials[token]}"}
            self.published[schedule] = Repeating(self._posting(path, headers), minutes * 60 / PACE)
            self.published[schedule].__enter__()

    def publish_nothing(self, *schedules: str) -> None:
        for schedule in schedules or tuple(self.published):
            self.published.pop(schedule).__exit__()

    def await_quiet(self) -> None:
        until(lambda: not self.open(), CLOSE_SECONDS, LOOK_SECONDS)

    def open(self) -> list[str]:
        return [slug(incident) for incident in self.incidents() if incident["state"] == "open"]

    def incident(self, alert: str) -> dict[str, Any]:
        """Return the newest one of an alert."""
        return next(incident for incident in self.incidents() if slug(incident) == alert)

    def incidents(self) -> list[dict[str, Any]]:
        """Newest first."""
        found: list[dict[str, Any]] = self.stack.status()["incidents"]
        return found

    @contextmanager
    def opening(self, slugs: frozenset[str]) -> Iterator["Opened"]:
        """What is broken within it has to open these; after it, all of them have to close."""
        self.await_quiet()
        opened = Opened(self, frozenset(incident["id"] for incident in self.incidents()))
        yield opened
        assert slugs <= opened.slugs()
        self.await_quiet()

    def client(self) -> httpx.Client:
        headers = {"X-API-Key": self.stack.description["credentials"]["service_key"]}
        return httpx.Client(base_url=self.stack.base_url, timeout=120, headers=headers, verify=TLS)

    def operator(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.stack.description['credentials']['admin_token']}"}
        return httpx.Client(base_url=self.stack.base_url, timeout=120, headers=headers, verify=TLS)

    def family(self, process: str) -> list[psutil.Process]:
        root = self.stack.process_of(process)
        return [root, *root.children(recursive=True)]

    def connection(self) -> "EndableConnection":
        """By the socket, which asks for no password and speaks no TLS: either would take its time."""
        there = self.stack.description["postgres"]
        socket = f"{there['socket_dir']}/.s.PGSQL.5432"
        return EndableConnection(there["user"], database=there["database"], unix_sock=socket, ssl_context=False)

    def execute(self, *statements: str) -> None:
        with self.connection() as connection:
            for statement in statements:
                connection.run(statement)

    def run_job(self, name: str) -> dict[str, Any]:
        return self.stack.control("POST", f"jobs/{name}/run")

    def cloud_sql(self, *parts: str) -> Path:
        return self.stack.state.joinpath("cloudsql", *parts)

    def _good_requests(self) -> Callable[[], object]:
        """One after the other: what the cache has, and what the database is asked for."""
        client, paths = self.client(), cycle((f"{STATS}?insight_id=usual", f"{RATINGS}?user_id=usual"))
        return lambda: client.get(next(paths))

    def _posting(self, path: str, headers: Mapping[str, str]) -> Callable[[], object]:
        client = httpx.Client(base_url=self.stack.base_url, timeout=120, headers=headers, verify=TLS)
        return lambda: client.post(path)


class Opened:
    def __init__(self, watched: Watched, before: frozenset[str]) -> None:
        self._watched = watched
        self._before = before

    def slugs(self) -> frozenset[str]:
        """Of all alerts that have opened since."""
        incidents = self._watched.incidents()
        return frozenset(slug(incident) for incident in incidents if incident["id"] not in self._before)

    def await_slugs(self, slugs: frozenset[str]) -> None:
        until(lambda: slugs <= self.slugs(), OPEN_SECONDS, LOOK_SECONDS)


@dataclass(frozen=True)
class Cause:
    """opens: the alerts that it has to open. may: those that it may bring besides. why: there are not just one."""

    breaks: Callable[[Watched], AbstractContextManager[object]]
    opens: Sequence[str]
    may: Sequence[str] = ()
    why: str = ""


def slug(incident: Mapping[str, Any]) -> str:
    return str(incident["policy"]).removeprefix(f"{PREFIX}-")
