"""The steady load: clients that write and read through both instances of each function, and hold them to their word."""

import asyncio
import random
import time
import uuid
from collections import Counter
from dataclasses import dataclass
from typing import Any

import httpx
from tests.faults.expired_rows import ExpiredRows
from tests.faults.records import Report, Series, Write
from tests.faults.world import DATABASE, KEY, OPERATOR, OPERATORS, REQUEST_SECONDS, SCHEDULER, World, audience
from tests.integration.http.functions import Function

PAUSE = 0.06
EXPIRY_PAUSE = 0.5
RESTORE_EVERY = 4
HEADERS = {"X-API-Key": KEY}
NEVER = 90.0
# With the usual deadline of 25 s that is 35.
LONGEST = REQUEST_SECONDS + 10.0
# Upkeep takes its time: it has the platform's deadline only.
LONGEST_UPKEEP = NEVER - 5.0
RETENTION = "/api/v1/monitoring/retention"


class Load:
    """Clients of the functions of a world."""

    def __init__(self, world: World, report: Report) -> None:
        self._world = world
        self._report = report
        self._run = uuid.uuid4().hex[:8]
        self._writes: list[Write] = []
        self._ratings = Series()
        self._signed_in = Series()
        self._expired = ExpiredRows(world)
        self._votes: list[Write] = []
        self._metrics: list[Write] = []
        self._progress = Series()
        self._job = ""
        self._client = httpx.AsyncClient(timeout=NEVER, limits=httpx.Limits(keepalive_expiry=1))
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        kinds = set(self._world.names)
        if "feedback" in kinds:
            self._tasks += [asyncio.create_task(work) for work in (self._rate(), self._vote(0), self._vote(1))]
            self._tasks.append(asyncio.create_task(self._rate_signed_in()))
            self._tasks += [asyncio.create_task(self._read_stats(function)) for function in self._world.of("feedback")]
        if "metrics" in kinds:
            self._tasks += [asyncio.create_task(self._record(function)) for function in self._world.of("metrics")]
        if "backfill" in kinds:
            await self._start_job()
            self._tasks.append(asyncio.create_task(self._advance()))
            self._tasks += [asyncio.create_task(self._read_job(function)) for function in self._world.of("backfill")]

        if "retention" in kinds:
            await asyncio.to_thread(self._expired.insert_first)
            self._tasks.append(asyncio.create_task(self._expire()))
            self._tasks += [asyncio.create_task(self._archive(function)) for function in self._world.of("retention")]

    async def stop(self) -> None:
        self._stopping = True
        await asyncio.gather(*self._tasks)
        await self._client.aclose()

    async def works(self) -> bool:
        """Return whether every instance writes and reads now."""
        answers = await asyncio.gather(*(self._try(function) for function in self._world.functions))
        return all(answers)

    async def _try(self, function: Function) -> bool:
        if function.name == "retention":
            archived = await self._post_as_scheduler(function, f"{RETENTION}/run")
            return archived is not None and archived.status_code == 200 and archived.json()["status"] != "failed"
        path, body = {
            "feedback": (
                "/api/v1/feedback/rate",
                {"insight_id": f"{self._run}-trial", "rating": 3, "user_id": "trial"},
            ),
            "metrics": ("/api/v1/monitoring/metrics", _metric(f"{self._run}-trial", 0)),
            "backfill": ("/api/v1/monitoring/backfill/start", {"job_type": "trial", "start_block": 0, "end_block": 1}),
        }[function.name]
        shown = {
            "feedback": f"/api/v1/feedback/stats?insight_id={uuid.uuid4()}",
            "backfill": "/api/v1/monitoring/backfill/status",
        }.get(function.name)
        answers = [await self._send(function, "POST", path, body, str(uuid.uuid4()))]
        if function.name == "feedback":
            rating = {"insight_id": f"{self._run}-trial", "rating": 3}
            answers.append(await self._send(function, "POST", path, rating, str(uuid.uuid4()), self._user()))
        if shown is not None:
            answers.append(await self._send(function, "GET", shown, None, str(uuid.uuid4())))
        return all(answer is not None and answer.is_success for answer in answers)

    async def _send(
        self,
        function: Function,
        method: str,
        path: str,
        body: object,
        request_id: str,
        caller: dict[str, str] = HEADERS,
        longest: float = LONGEST,
    ) -> httpx.Response | None:
        """Return the answer, or None where the link was lost."""
        started = time.monotonic()
        try:
            response = await self._client.request(
                method, function.url + path, json=body, headers={**caller, "X-Request-ID": request_id}
            )
        except httpx.TransportError:
            self._report.refused += 1
            await asyncio.sleep(0.1)
            return None
        finally:
            took = time.monotonic() - started
            if took > longest:
                self._report.over_long += 1
                self._report.note(f"{method} {path} took {took:.1f} s")
        if response.status_code == 503:
            self._report.refused += 1
        elif response.status_code >= 500:
            self._report.internal_errors += 1
            self._report.note(f"{method} {path}: {response.status_code} {response.text[:300]}")
        return response

    async def _write(
        self, function: Function, path: str, body: dict[str, Any], write: Write, caller: dict[str, str] = HEADERS
    ) -> None:
        self._writes.append(write)
        response = await self._send(function, "POST", path, body, write.request_id, caller)
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

    async def _rate_signed_in(self) -> None:
        """A user with an ID token, a new one each time, does the same."""
        functions = self._world.of("feedback")
        number = 0
        while not self._stopping:
            number += 1
            write = self._signed_in.begin(str(uuid.uuid4()), 1 + number % 5)
            body = {"insight_id": f"{self._run}-signed-in", "rating": write.value}
            await self._write(functions[number % len(functions)], "/api/v1/feedback/rate", body, write, self._user())

    def _user(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._world.user_token('user-1')}"}

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
            self._metrics.append(write)
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
            signed_in = await self._get(function, f"/api/v1/feedback/stats?insight_id={self._run}-signed-in")
            if signed_in is not None:
                self._hold(self._signed_in, started, round(signed_in["average_rating"]), "user's rating", function)
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

    async def _expire(self) -> None:
        """Jobs come that have expired."""
        while not self._stopping:
            await asyncio.to_thread(self._expired.insert)
            await asyncio.sleep(EXPIRY_PAUSE)

    async def _archive(self, function: Function) -> None:
        """The scheduler has what has expired archived, and an operator's order reads some of it back."""
        number = 0
        while not self._stopping:
            number += 1
            if number % RESTORE_EVERY:
                await self._post_as_scheduler(function, f"{RETENTION}/run")
            else:
                await self._restore(function)
            await asyncio.sleep(EXPIRY_PAUSE * random.uniform(0.5, 1.5))  # noqa: S311

    async def _post_as_scheduler(self, function: Function, path: str) -> httpx.Response | None:
        token = self._world.google_token(SCHEDULER, audience(function.name))
        headers = {"Authorization": f"Bearer {token}"}
        return await self._send(function, "POST", path, None, str(uuid.uuid4()), headers, LONGEST_UPKEEP)

    async def _restore(self, function: Function) -> None:
        headers = {"Authorization": f"Bearer {self._world.google_token(OPERATOR, OPERATORS)}"}
        order = self._expired.order_first()
        await self._send(function, "POST", f"{RETENTION}/restore", order, str(uuid.uuid4()), headers, LONGEST_UPKEEP)

    async def settle(self) -> None:
        """Compare what was acknowledged so far with what the database and the archive have."""
        acknowledged, votes, metrics = (
            {write.request_id for write in writes if write.acknowledged}
            for writes in (self._writes, self._votes, self._metrics)
        )
        now = time.monotonic()
        stored = await asyncio.to_thread(self._read)
        report = self._report
        # Metrics are their own trace; whatever else is written is in the trail.
        report.lost = len(acknowledged - stored.trail.keys() - metrics)
        report.lost += len(votes - stored.votes) + len(metrics - stored.recorded.keys())
        report.doubled = sum(count > 1 for count in (*stored.trail.values(), *stored.recorded.values()))
        report.inconsistent = int(stored.ratings != len(stored.votes))
        for series, rating in zip((self._ratings, self._signed_in), stored.rated, strict=True):
            allowed = series.allowed(now)
            report.inconsistent += int(bool(allowed) and rating not in allowed)
        if "retention" in self._world.names:
            report.archived, lost, doubled = await asyncio.to_thread(self._expired.compare)
            report.lost += lost
            report.doubled += doubled

    def _read(self) -> "_Stored":
        with self._world.postgres.connect(database=DATABASE) as connection:
            connection.run("BEGIN ISOLATION LEVEL REPEATABLE READ")
            trail = Counter(identifier for (identifier,) in connection.run("SELECT request_id FROM audit_log"))
            votes = connection.run(
                "SELECT user_id FROM insight_feedback WHERE insight_id = :insight", insight=f"{self._run}-many"
            )
            recorded = connection.run(
                "SELECT metric_metadata ->> 'request' FROM system_metrics WHERE service_name = :service",
                service=f"{self._run}-metrics",
            )
            ratings = connection.run(
                "SELECT rating_4 FROM insight_stats WHERE insight_id = :insight", insight=f"{self._run}-many"
            )
            rated = [
                connection.run(
                    "SELECT max(rating) FROM insight_feedback WHERE insight_id = :insight",
                    insight=f"{self._run}-{name}",
                )[0][0]
                for name in ("one", "signed-in")
            ]
        return _Stored(
            trail,
            {user for (user,) in votes},
            Counter(request for (request,) in recorded),
            ratings[0][0] if ratings else 0,
            rated,
        )


@dataclass(frozen=True)
class _Stored:
    """What the database has. trail: by request id. votes: users. rated: what the two users' ratings are."""

    trail: Counter[str]
    votes: set[str]
    recorded: Counter[str]
    ratings: int
    rated: list[int | None]


PAST_ALL = 10**9


def _metric(service: str, value: float, request_id: str | None = None) -> dict[str, Any]:
    metric = {"service_name": service, "metric_type": "faults", "metric_value": value, "unit": "1"}
    return {**metric, "metric_metadata": {"request": request_id}} if request_id else metric
