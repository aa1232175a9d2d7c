"""The steady load: clients that write and read through both instances of each function, and hold them to their word."""

import asyncio
import random
import time
import uuid
from collections import Counter
from typing import Any

import httpx
from tests.faults.records import Report, Series, Write
from tests.faults.world import DATABASE, KEY, REQUEST_SECONDS, World
from tests.integration.http.functions import Function

PAUSE = 0.06
HEADERS = {"X-API-Key": KEY}
NEVER = 90.0
# With the usual deadline of 25 s that is 35.
LONGEST = REQUEST_SECONDS + 10.0


class Load:
    """Clients of the functions of a world."""

    def __init__(self, world: World, report: Report) -> None:
        self._world = world
        self._report = report
        self._run = uuid.uuid4().hex[:8]
        self._writes: list[Write] = []
        self._ratings = Series()
        self._votes: list[Write] = []
        self._progress = Series()
        self._job = ""
        self._client = httpx.AsyncClient(timeout=NEVER, limits=httpx.Limits(keepalive_expiry=1))
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        kinds = set(self._world.names)
        if "feedback" in kinds:
            self._tasks += [asyncio.create_task(work) for work in (self._rate(), self._vote(0), self._vote(1))]
            self._tasks += [asyncio.create_task(self._read_stats(function)) for function in self._world.of("feedback")]
        if "metrics" in kinds:
            self._tasks += [asyncio.create_task(self._record(function)) for function in self._world.of("metrics")]
        if "backfill" in kinds:
            await self._start_job()
            self._tasks.append(asyncio.create_task(self._advance()))
            self._tasks += [asyncio.create_task(self._read_job(function)) for function in self._world.of("backfill")]

    async def stop(self) -> None:
        self._stopping = True
        await asyncio.gather(*self._tasks)
        await self._client.aclose()

    async def works(self) -> bool:
        """Return whether every instance writes and reads now."""
        answers = await asyncio.gather(*(self._try(function) for function in self._world.functions))
        return all(answers)

    async def _try(self, function: Function) -> bool:
        paths = {
            "feedback": ("/api/v1/feedback/rate", f"/api/v1/feedback/stats?insight_id={uuid.uuid4()}"),
            "metrics": ("/api/v1/monitoring/metrics", None),
            "backfill": ("/api/v1/monitoring/backfill/start", "/api/v1/monitoring/backfill/status"),
        }
        write, read = paths[function.name]
        body = {
            "feedback": {"insight_id": f"{self._run}-trial", "rating": 3, "user_id": "trial"},
            "metrics": _metric(f"{self._run}-trial", 0),
            "backfill": {"job_type": "trial", "start_block": 0, "end_block": 1},
        }[function.name]
        written = await self._send(function, "POST", write, body, str(uuid.uuid4()))
        if written is None or written.status_code not in (200, 201):
            return False
        if read is None:
            return True
        shown = await self._send(function, "GET", read, None, str(uuid.uuid4()))
        return shown is not None and shown.status_code == 200

    async def _send(
        self, function: Function, method: str, path: str, body: object, request_id: str
    ) -> httpx.Response | None:
        """Return the answer, or None where the link was lost."""
        started = time.monotonic()
        try:
            response = await self._client.request(
                method, function.url + path, json=body, headers={**HEADERS, "X-Request-ID": request_id}
            )
        except httpx.TransportError:
            self._report.refused += 1
            await asyncio.sleep(0.1)
            return None
        finally:
            took = time.monotonic() - started
            if took > LONGEST:
                self._report.over_long += 1
                self._report.note(f"{method} {path} took {took:.1f} s")
        if response.status_code == 503:
            self._report.refused += 1
        elif response.status_code >= 500:
            self._report.internal_errors += 1
            self._report.note(f"{method} {path}: {response.status_code} {response.text[:300]}")
        return response

    async def _write(self, function: Function, path: str, body: dict[str, Any], write: Write) -> None:
        self._writes.append(write)
        response = await self._send(function, "POST", path, body, write.request_id)
        write.ended = time.monotonic()
        write.acknowledged = response is not None and response.status_code in (200, 201)
        if write.acknowledged:
            self._report.acknowledged += 1
        else:
            self._report.in_doubt += 1
        await asyncio.sleep(PAUSE * random.uniform(0.5, 1.5))  # noqa: S311

    async def _rate(self) -> None:
        """One user changes a rating again and again, by turns through both instances."""
        functions = self._world.of("feedback")
        number = 0
        while not self._stopping:
            number += 1
            write = self._ratings.begin(str(uuid.uuid4()), 1 + number % 5)
            body = {"insight_id": f"{self._run}-one", "rating": write.value, "user_id": "one"}
            await self._write(functions[number % len(functions)], "/api/v1/feedback/rate", body, write)

    async def _vote(self, instance: int) -> None:
        """A new user each time rates the same insight."""
        while not self._stopping:
            write = Write(str(uuid.uuid4()), 4, time.monotonic())
            self._votes.append(write)
            body = {"insight_id": f"{self._run}-many", "rating": 4, "user_id": write.request_id}
            await self._write(self._world.of("feedback")[instance], "/api/v1/feedback/rate", body, write)

    async def _record(self, function: Function) -> None:
        while not self._stopping:
            write = Write(str(uuid.uuid4()), 1, time.monotonic())
            metric = _metric(f"{self._run}-metrics", 1, write.request_id)
            await self._write(function, "/api/v1/monitoring/metrics", metric, write)

    async def _start_job(self) -> None:
        response = await self._send(
            self._world.of("backfill")[0],
            "POST",
            "/api/v1/monitoring/backfill/start",
            {"job_type": "faults", "start_block": 0, "end_block": PAST_ALL},
            str(uuid.uuid4()),
        )
        assert response is not None
        self._job = response.json()["id"]

    async def _advance(self) -> None:
        functions = self._world.of("backfill")
        number = 0
        while not self._stopping:
            number += 1
            write = self._progress.begin(str(uuid.uuid4()), number)
            path = f"/api/v1/monitoring/backfill/progress?job_id={self._job}"
            body = {"current_block": number, "progress_percentage": 1.0}
            await self._write(functions[number % len(functions)], path, body, write)

    async def _read_stats(self, function: Function) -> None:
        while not self._stopping:
            started = time.monotonic()
            one = await self._get(function, f"/api/v1/feedback/stats?insight_id={self._run}-one")
            if one is not None:
                self._hold(self._ratings, started, round(one["average_rating"]), "rating", function)
            started = time.monotonic()
            expected = sum(vote.seen_from <= started for vote in self._votes)
            many = await self._get(function, f"/api/v1/feedback/stats?insight_id={self._run}-many")
            if many is not None and not expected <= many["total_ratings"] <= len(self._votes):
                self._report.stale += 1
                self._report.note(
                    f"{function.folder.name} shows {many['total_ratings']} ratings, not {expected} or more"
                )
            await asyncio.sleep(PAUSE)

    async def _read_job(self, function: Function) -> None:
        while not self._stopping:
            started = time.monotonic()
            job = await self._get(function, f"/api/v1/monitoring/backfill/{self._job}")
            if job is not None:
                self._hold(self._progress, started, job["current_block"], "block", function)
            await asyncio.sleep(PAUSE)

    async def _get(self, function: Function, path: str) -> Any:
        response = await self._send(function, "GET", path, None, str(uuid.uuid4()))
        if response is None or response.status_code != 200:
            await asyncio.sleep(0.05)
            return None
        self._report.reads += 1
        return response.json()

    def _hold(self, series: Series, started: float, shown: int, what: str, function: Function) -> None:
        allowed = series.allowed(started)
        if allowed and shown not in allowed:
            self._report.stale += 1
            self._report.note(f"{function.folder.name} shows the {what} {shown}, not one of {sorted(allowed)[-5:]}")

    def settle(self) -> None:
        """Compare what was acknowledged with what the database has."""
        report = self._report
        with self._world.postgres.connect(database=DATABASE) as connection:
            trail: Counter[str] = Counter(
                identifier for (identifier,) in connection.run("SELECT request_id FROM audit_log")
            )
            votes = {
                user
                for (user,) in connection.run(
                    "SELECT user_id FROM insight_feedback WHERE insight_id = :insight", insight=f"{self._run}-many"
                )
            }
            recorded: Counter[str] = Counter(
                unit
                for (unit,) in connection.run(
                    "SELECT metric_metadata ->> 'request' FROM system_metrics WHERE service_name = :service",
                    service=f"{self._run}-metrics",
                )
            )
            ((ratings,),) = connection.run(
                "SELECT rating_4 FROM insight_stats WHERE insight_id = :insight", insight=f"{self._run}-many"
            )
            last = connection.run(
                "SELECT rating FROM insight_feedback WHERE insight_id = :insight", insight=f"{self._run}-one"
            )
        kept = {write.request_id for write in self._writes if write.acknowledged}
        report.lost += len(kept - trail.keys())
        report.lost += sum(vote.acknowledged and vote.request_id not in votes for vote in self._votes)
        report.doubled += sum(count > 1 for count in trail.values())
        report.doubled += sum(count > 1 for count in recorded.values())
        report.inconsistent += int(ratings != len(votes))
        if last and self._ratings.writes:
            report.inconsistent += int(last[0][0] not in self._ratings.allowed(float("inf")))


PAST_ALL = 10**9


def _metric(service: str, value: float, request_id: str | None = None) -> dict[str, Any]:
    metric = {"service_name": service, "metric_type": "faults", "metric_value": value, "unit": "1"}
    return {**metric, "metric_metadata": {"request": request_id}} if request_id else metric
