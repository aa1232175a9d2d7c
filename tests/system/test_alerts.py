"""Each thing that may break is broken for real: just the declared alerts open, and they close when it is mended.

While one is open, what its runbook has under Confirm and Do is run, and has to print what the runbook says.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path

import httpx
import pg8000.native
import psutil
import pytest
import redis
from tests.documents.runbooks import labels_of, run_runbook, says_that_it_ends_the_incident
from tests.system.conftest import SmallProject
from tests.system.running import until
from tests.system.watched import (
    CLOSE_SECONDS,
    LOOK_SECONDS,
    OPEN_SECONDS,
    PREFIX,
    PUBLISHERS,
    STATS,
    Cause,
    Repeating,
    Watched,
)

from local_cloud.google.logging.entry_log import write
from utxoiq_persistence.schedules import SCHEDULES

RATE = "/api/v1/feedback/rate"
KEYS = "/api/v1/access/keys"
GIB = 2**30
# More statements that burn would leave the rest of the system no turn.
MOST_BURNING = 30
# Ends what hangs; a slow machine takes its time.
SECONDS = 120

Ask = Callable[[httpx.Client], object]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    watched = Watched(tmp_path_factory.mktemp("watched"))
    try:
        yield watched.start()
    finally:
        watched.end()


class Seen(dict[str, str]):
    """What somebody reads in what Confirm prints, by the name that Do has for it."""


@contextmanager
def mended_otherwise(mend: Callable[[], object]) -> Iterator[None]:
    """Mend what the runbook has not, if it fails: the causes after it are not to suffer from that."""
    try:
        yield
    except BaseException:
        mend()
        raise


@contextmanager
def locked(watched: Watched, what: str) -> Iterator[None]:
    """what: a statement that locks it, in a transaction."""
    with watched.connection() as connection:
        connection.run("BEGIN")
        connection.run(what)
        yield
        # Unless the server has ended it meanwhile, for whoever followed the runbook.
        with suppress(pg8000.exceptions.DatabaseError, pg8000.exceptions.InterfaceError):
            connection.run("ROLLBACK")


@contextmanager
def blocked(watched: Watched, what: str, at_once: int, ask: Ask) -> Iterator[None]:
    """So many wait for what is locked."""
    with asking(watched, at_once, ask) as begin, locked(watched, what):
        begin()
        yield


@contextmanager
def asking(watched: Watched, at_once: int, ask: Ask) -> Iterator[Callable[[], None]]:
    """What it yields begins so many requests at once, which are answered well in the end."""
    with watched.operator() as client, ThreadPoolExecutor(at_once) as threads:
        asked: list[Future[object]] = []
        yield lambda: asked.extend(threads.submit(ask, client) for _ in range(at_once))
        for one in asked:
            one.result()


@contextmanager
def a_full_pool(watched: Watched) -> Iterator[None]:
    """Of the keys function: as many as it has connections revoke one key at once."""
    with watched.operator() as client:
        wanted = {"name": f"pool-{time.monotonic_ns()}", "owner": "nobody", "scopes": ["metrics:read"]}
        key = client.post(KEYS, json=wanted).raise_for_status().json()["id"]
    row = f"SELECT FROM api_keys WHERE id = '{key}' FOR UPDATE"
    ended = threading.Event()

    def revoke(client: httpx.Client) -> None:
        """Again, where a statement was given up before anybody looked at the pool, on a busy machine."""
        while client.post(f"{KEYS}/revoke?key_id={key}").status_code == 503 and not ended.is_set():
            continue

    with blocked(watched, row, 4, revoke):
        try:
            yield
        finally:
            ended.set()


@contextmanager
def pulsing(watched: Watched, table: str, held: float, at_once: int, ask: Ask) -> Iterator[None]:
    """Again and again, some wait for a moment."""

    def pulse() -> None:
        with blocked(watched, f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE", at_once, ask):
            threading.Event().wait(held)

    with Repeating(pulse, held + 0.1):
        yield


@contextmanager
def slow_statements(watched: Watched) -> Iterator[None]:
    def rate(client: httpx.Client) -> None:
        rating = {"insight_id": "slow", "user_id": f"user-{threading.get_ident()}", "rating": 4}
        client.post(RATE, json=rating).raise_for_status()

    with pulsing(watched, "insight_feedback", 0.4, 10, rate):
        yield


@contextmanager
def some_slow_statements(watched: Watched) -> Iterator[None]:
    """Of a function that is rarely asked."""

    def list_jobs(client: httpx.Client) -> None:
        client.get("/api/v1/monitoring/backfill/status").raise_for_status()

    with pulsing(watched, "backfill_jobs", 0.9, 3, list_jobs):
        yield


@contextmanager
def a_slow_function(watched: Watched) -> Iterator[None]:
    """Its process is held for more than a second, again and again.

    Each time by itself makes as many requests slow as the alert takes: on a busy machine they are further apart.
    """
    family = watched.family(f"{PREFIX}-feedback")

    def pulse() -> None:
        with asking(watched, 30, lambda client: client.get(f"{STATS}?insight_id=usual")) as begin:
            for process in family:
                process.suspend()
            begin()
            threading.Event().wait(1.4)
            for process in family:
                process.resume()

    with Repeating(pulse, 1.5):
        yield


@contextmanager
def repeating(ask: Callable[[], object], seconds: float) -> Iterator[None]:
    """Four ask so often at once: one alone asks too rarely where each request waits."""
    with ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(Repeating(ask, seconds))
        yield


@contextmanager
def a_cold_cache(watched: Watched) -> Iterator[None]:
    """Statistics that nobody has asked for before."""
    numbers = count()
    with watched.client() as client, repeating(lambda: client.get(f"{STATS}?insight_id=new-{next(numbers)}"), 0.12):
        yield


@contextmanager
def a_hung_redis(watched: Watched) -> Iterator[None]:
    (process,) = watched.family(f"{PREFIX}-redis")
    process.suspend()
    try:
        yield
    finally:
        with suppress(psutil.NoSuchProcess):  # the runbook has another one started
            process.resume()


@contextmanager
def a_full_redis(watched: Watched) -> Iterator[None]:
    """What comes in takes the place of what is there, again and again: once all has gone, nothing is evicted."""
    numbers = count()
    with redis.Redis.from_url(watched.stack.description["redis"]["url"]) as server:
        before = server.config_get("maxmemory")["maxmemory"]
        server.config_set("maxmemory", server.info("memory")["used_memory"] + 1_000_000)
        try:
            with Repeating(lambda: server.set(f"filling-{next(numbers)}", bytes(100_000), ex=600), 0.05):
                yield
        finally:
            server.config_set("maxmemory", before)


@contextmanager
def an_entry_that_no_function_made(watched: Watched) -> Iterator[None]:
    """As whoever has the password of Redis shows the statistics of one insight as those of another, again and again.

    One alone is over after five seconds, in which a busy machine may not have published it.
    """
    numbers = count(time.monotonic_ns())

    def forge(client: httpx.Client, server: redis.Redis) -> None:
        name = f"forged-{next(numbers)}"
        client.get(f"{STATS}?insight_id={name}").raise_for_status()
        for key in server.scan_iter(f"cache:*{name}*:v", count=10_000):  # none where Redis did not answer in time
            server.copy(key, key.replace(name.encode(), f"{name}-2".encode()))
        client.get(f"{STATS}?insight_id={name}-2").raise_for_status()

    with (
        watched.client() as client,
        redis.Redis.from_url(watched.stack.description["redis"]["url"]) as server,
        Repeating(lambda: forge(client, server), 1.0),
    ):
        yield


@contextmanager
def a_busy_database(watched: Watched) -> Iterator[None]:
    """As many burn as get a whole core beside what else this machine does.

    That may become more: half as many are added each 20 s until the alert is open, which takes ten seconds of them. The
    runbook then ends those that are older than that.
    """
    with ExitStack() as stack:
        burning: list[threading.Thread] = []

        def burn() -> None:
            connection = watched.connection()
            ((backend,),) = connection.run("SELECT pg_backend_pid()")
            burning.append(threading.Thread(target=_burn, args=(connection,)))
            burning[-1].start()
            stack.callback(burning[-1].join)
            stack.callback(watched.execute, f"SELECT pg_terminate_backend({backend})")

        def add() -> None:
            if all(one.is_alive() for one in burning) and "cloudsql-cpu" not in watched.open():
                for _ in range(min(1 + len(burning) // 2, MOST_BURNING - len(burning))):
                    burn()

        for _ in range(1 + int(os.getloadavg()[0])):
            burn()
        with Repeating(add, 20.0):
            yield


@contextmanager
def a_full_memory(watched: Watched) -> Iterator[None]:
    """One connection sorts more than there is room for, and holds it."""
    with watched.connection() as connection:
        connection.run("SET work_mem = '1GB'")
        connection.run("BEGIN")
        connection.run(
            "DECLARE sorted NO SCROLL CURSOR FOR "
            "SELECT repeat(md5(i::text), 300) AS text FROM generate_series(1, 60000) AS i ORDER BY text"
        )
        connection.run("FETCH 1 FROM sorted")
        yield


@contextmanager
def a_full_disk(watched: Watched) -> Iterator[None]:
    """A file with a hole as large as the disk: it takes no room here."""
    ballast = watched.cloud_sql("us-central1", PREFIX, "data", "ballast")
    with ballast.open("wb") as file:
        file.truncate(9 * GIB)
    try:
        yield
    finally:
        ballast.unlink(missing_ok=True)


@contextmanager
def too_many_connections(watched: Watched) -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(345):
            stack.enter_context(watched.connection())
        yield


@contextmanager
def no_room_for_backups(watched: Watched) -> Iterator[None]:
    """A file where their folder was."""
    folder = watched.cloud_sql("us-east1", "backups", PREFIX)
    away = folder.rename(folder.with_name("away"))
    folder.touch()
    try:
        yield
    finally:
        folder.unlink()
        away.rename(folder)


@contextmanager
def a_failing_backup(watched: Watched) -> Iterator[None]:
    with no_room_for_backups(watched):
        watched.run_job("backup")
    with mended_otherwise(lambda: watched.run_job("backup")):
        yield


@contextmanager
def no_verification_for_nine_days(watched: Watched) -> Iterator[None]:
    watched.execute(
        "UPDATE backup_verifications SET started_at = started_at - interval '9 days', "
        "ended_at = ended_at - interval '9 days'",
        "INSERT INTO backup_verifications (id, step, started_at, ended_at, passed) "
        "VALUES (gen_random_uuid(), 'done', now() - interval '9 days', now() - interval '9 days', true)",
    )
    with mended_otherwise(lambda: watched.run_job("verify-backup")):
        yield


@contextmanager
def a_backup_that_does_not_restore(watched: Watched) -> Iterator[None]:
    watched.run_job("backup")
    newest = max(watched.cloud_sql("us-east1", "backups", PREFIX).iterdir(), key=lambda folder: folder.name)
    _corrupt(newest)
    watched.run_job("verify-backup")
    with mended_otherwise(lambda: [watched.run_job(job) for job in ("backup", "verify-backup")]):
        yield


@contextmanager
def retention_without_its_rights(watched: Watched) -> Iterator[None]:
    watched.execute("REVOKE ALL ON backfill_jobs FROM utxoiq_retention")
    for _ in range(2):
        watched.run_job("retention")

    def mend() -> None:
        watched.execute("GRANT SELECT, INSERT, DELETE ON backfill_jobs TO utxoiq_retention")
        watched.run_job("retention")

    with mended_otherwise(mend):
        yield


@contextmanager
def a_retention_that_takes_its_time(watched: Watched) -> Iterator[None]:
    watched.execute(
        "INSERT INTO retention_runs (caller, dry_run, started_at) VALUES ('late', false, now() - interval '26 minutes')"
    )
    try:
        yield
    finally:
        watched.execute("DELETE FROM retention_runs WHERE caller = 'late'")


@contextmanager
def a_failing_schedule(watched: Watched) -> Iterator[None]:
    """The watch of backups, which may not read of verifications any more.

    It fails until that is seen: four failures have to come within ten seconds, and still be within them a second later.
    """

    def has_failed_often() -> bool:
        return not watched.run_job("watch-backups")["succeeded"] and "schedule-failing" in watched.open()

    watched.execute("REVOKE ALL ON backup_verifications FROM utxoiq_backup")
    right = "GRANT SELECT, INSERT, UPDATE ON backup_verifications TO utxoiq_backup"
    with mended_otherwise(lambda: watched.execute(right)):
        until(has_failed_often, OPEN_SECONDS)
        yield


def pause(watched: Watched, schedule: str) -> Callable[[], None]:
    """Return what resumes it."""
    apis = httpx.Client(base_url=watched.stack.description["google_apis"]["url"], timeout=SECONDS)
    job = f"/v1/projects/{PREFIX}/locations/us-central1/jobs/{PREFIX}-{schedule}"
    apis.post(f"{job}:pause").raise_for_status()

    def is_idle() -> bool:
        """Whether the attempt that began last has ended: it would note a success when it does."""
        began = apis.get(job).raise_for_status().json().get("lastAttemptTime")
        ended = watched.stack.status()["jobs"][f"{PREFIX}-{schedule}"]
        return began is None or bool(ended and datetime.fromisoformat(ended["at"]) == datetime.fromisoformat(began))

    until(is_idle, OPEN_SECONDS)

    def resume() -> None:
        apis.post(f"{job}:resume").raise_for_status()

    return resume


@contextmanager
def a_paused_schedule(watched: Watched, schedule: str) -> Iterator[None]:
    """Paused for as long as is too long: since before its last success, that is."""
    resume = pause(watched, schedule)
    with ExitStack() as stack:
        if schedule in watched.published:
            watched.publish_nothing(schedule)
            stack.callback(watched.publish, schedule)
        with watched.connection() as connection:
            connection.run(
                "UPDATE schedule_successes SET succeeded_at = now() - interval '8 days' WHERE schedule = :schedule",
                schedule=schedule,
            )

        def mend() -> None:
            resume()
            watched.run_job(schedule)

        with mended_otherwise(mend):
            yield


@contextmanager
def a_month_that_is_gone(watched: Watched) -> Iterator[None]:
    """Between others, so that months ahead end there."""
    with watched.connection() as connection:
        tables = connection.run(
            "SELECT relname FROM pg_class WHERE relispartition AND relname ~ '^metric_points_[0-9]{4}_[0-9]{2}$' "
            "AND to_date(right(relname, 7), 'YYYY_MM') > now() ORDER BY relname"
        )
        ((table,),) = tables[1:2]
        connection.run(f"DROP TABLE {table}")
    with mended_otherwise(lambda: watched.run_job("partitions")):
        yield


@contextmanager
def series_without_end(watched: Watched) -> Iterator[None]:
    """As a client makes them that puts a request's id into its metrics' type."""
    watched.execute("""
        SELECT metric_series_ids(array_agg('flood'::varchar), array_agg(('request ' || n)::varchar),
                                 array_agg('ms'::varchar), NULL)
        FROM generate_series(1, 17000) AS n""")
    with mended_otherwise(lambda: watched.execute("DELETE FROM metric_series WHERE service_name = 'flood'")):
        yield


@contextmanager
def nothing_published(watched: Watched) -> Iterator[None]:
    """Nor by the schedules, which keep to the clock: at each full minute they would end it for some seconds."""
    with ExitStack() as stack:
        for schedule in PUBLISHERS:
            stack.callback(pause(watched, schedule))
        watched.publish_nothing()
        stack.callback(watched.publish)
        yield


@contextmanager
def killed(watched: Watched, function: str) -> Iterator[None]:
    """As soon as it is up again."""
    name = f"{PREFIX}-{function}"

    def kill() -> None:
        if watched.stack.status()["processes"][name]["health"] in ("up", "resting"):
            watched.stack.process_of(name).kill()

    with Repeating(kill, 0.2):
        yield


@contextmanager
def refused_callers(watched: Watched) -> Iterator[None]:
    """Again and again: fifty have to come within five seconds."""
    guessed = {"Authorization": "Bearer guessed"}
    with (
        httpx.Client(base_url=watched.stack.base_url, headers=guessed, timeout=SECONDS) as client,
        repeating(lambda: client.get("/api/v1/feedback/user?user_id=somebody"), 0.15),
    ):
        yield


@contextmanager
def logged_activity(watched: Watched, resource: Mapping[str, object], payload: Mapping[str, object]) -> Iterator[None]:
    """As Google's audit log would have it: nobody changes rights on one machine.

    Again and again: the alert looks back for five seconds, which a busy machine may let pass.
    """
    entry = {"severity": "NOTICE", "resource": resource, "protoPayload": payload}
    with Repeating(lambda: write(watched.stack.state / "logs" / "activity.log", entry), 1.0):
        yield


@contextmanager
def an_admin_key(watched: Watched) -> Iterator[Seen]:
    """One that stays until somebody revokes it, and others, as an alert looks back for five seconds only."""
    with watched.operator() as client:

        def make() -> str:
            wanted = {"name": f"admin-{time.monotonic_ns()}", "owner": "nobody", "scopes": ["admin"]}
            return str(client.post(KEYS, json=wanted).raise_for_status().json()["id"])

        seen = Seen(key_id=make())
        with Repeating(lambda: client.post(f"{KEYS}/revoke?key_id={make()}"), 2.0):
            yield seen


PROJECT_RESOURCE = {"type": "project", "labels": {"project_id": "utxoiq-local"}}
DELTA = {"auditConfigDeltas": [{"action": "REMOVE", "service": "storage.googleapis.com", "logType": "DATA_READ"}]}
ACTIVITY: Mapping[str, tuple[Mapping[str, object], Mapping[str, object]]] = {
    "rights-changed": (
        PROJECT_RESOURCE,
        {
            "methodName": "SetIamPolicy",
            "serviceData": {"policyDelta": {"bindingDeltas": [{"action": "ADD", "role": "roles/owner"}]}},
        },
    ),
    "audit-changed": (PROJECT_RESOURCE, {"methodName": "SetIamPolicy", "serviceData": {"policyDelta": DELTA}}),
    "network-changed": (
        {"type": "gce_firewall_rule", "labels": {"project_id": "utxoiq-local", "firewall_rule_id": "1"}},
        {"methodName": "v1.compute.firewalls.insert"},
    ),
    "bucket-rights-changed": (
        {
            "type": "gcs_bucket",
            "labels": {"project_id": "utxoiq-local", "bucket_name": "utxoiq-local-backups", "location": "us-east1"},
        },
        {"methodName": "storage.setIamPermissions"},
    ),
    "database-changed": (
        {"type": "cloudsql_database", "labels": {"database_id": "utxoiq-local:utxoiq-local", "region": "us-central1"}},
        {"methodName": "cloudsql.instances.update"},
    ),
}
ERRORS = ("function-errors", "availability-fast-burn", "availability-slow-burn", "uptime")
MISSING = ("backup-missing", "backup-failed")
CAUSES = {
    "a full pool": Cause(
        a_full_pool,
        ["pool-nearly-full"],
        may=[*ERRORS, "function-latency"],
        why="its check waits for a connection as well, until somebody has followed the runbook",
    ),
    "slow statements": Cause(
        slow_statements,
        ["query-latency", "slow-queries"],
        why="what makes most statements of one function slow makes one in twenty of all slow",
    ),
    "some slow statements": Cause(
        some_slow_statements,
        ["slow-queries"],
        may=["query-latency"],
        why="what is counted late is counted with what comes next, which may be as many as its alert takes",
    ),
    "a slow function": Cause(
        a_slow_function,
        ["function-latency"],
        may=["slow-queries"],
        why="a statement that is under way as the process is held takes as long by its clock",
    ),
    "a cold cache": Cause(a_cold_cache, ["stats-cache-hit-rate"]),
    "a hung Redis": Cause(
        a_hung_redis, ["redis-down"], may=["stats-cache-hit-rate"], why="without Redis little is cached for long"
    ),
    "a full Redis": Cause(a_full_redis, ["redis-evicting"]),
    "an entry that no function made": Cause(an_entry_that_no_function_made, ["redis-forged"]),
    "a busy database": Cause(a_busy_database, ["cloudsql-cpu"]),
    "a full memory": Cause(a_full_memory, ["cloudsql-memory"]),
    "a full disk": Cause(a_full_disk, ["cloudsql-disk"]),
    "too many connections": Cause(
        too_many_connections, ["cloudsql-connections"], may=["cloudsql-memory"], why="each takes memory"
    ),
    "a failing backup": Cause(a_failing_backup, ["backup-failed"]),
    "no verification for nine days": Cause(no_verification_for_nine_days, ["verification-late"]),
    "a backup that does not restore": Cause(a_backup_that_does_not_restore, ["verification-failed"]),
    "retention without its rights": Cause(retention_without_its_rights, ["retention-failing"]),
    "a retention that takes its time": Cause(a_retention_that_takes_its_time, ["retention-slow"]),
    "a failing schedule": Cause(
        a_failing_schedule,
        ["schedule-failing"],
        may=["function-errors", "availability-fast-burn", "availability-slow-burn"],
        why="its failures are as many on a busy machine, and a greater share of the fewer requests that it answers",
    ),
    **{
        f"a paused {schedule}": Cause(
            partial(a_paused_schedule, schedule=schedule),
            ["schedule-late"],
            may=["figures-missing"] if schedule in PUBLISHERS else [],
            why="what publishes nothing is missed by its figures, too",
        )
        for schedule in SCHEDULES
    },
    "a month that is gone": Cause(a_month_that_is_gone, ["partitions-running-out"]),
    "series without end": Cause(series_without_end, ["series-running-out"]),
    "nothing published": Cause(nothing_published, ["figures-missing"]),
    **{
        f"an entry of {slug}": Cause(partial(logged_activity, resource=resource, payload=payload), [slug])
        for slug, (resource, payload) in ACTIVITY.items()
    },
    "an admin key": Cause(an_admin_key, ["admin-key-made"]),
    "refused callers": Cause(refused_callers, ["refused-callers"]),
    "a function that few ask is away": Cause(lambda watched: killed(watched, "keys"), ["uptime"]),
    "a function that many ask is away": Cause(
        lambda watched: killed(watched, "feedback"),
        ERRORS,
        why="it fails its callers and its check, and the errors use up the budget of the whole",
    ),
}

LONELY = """
import pulumi_gcp as gcp
gcp.monitoring.AlertPolicy(
    "lonely",
    display_name="lonely",
    combiner="OR",
    conditions=[{
        "display_name": "sales",
        "condition_threshold": {
            "filter": 'metric.type = "custom.googleapis.com/small/sales" AND resource.type = "generic_task"',
            "comparison": "COMPARISON_LT",
            "threshold_value": 1,
            "duration": "120s",
        },
    }],
)
"""


def test_nothing_is_wrong_with_a_system_that_works(watched: Watched) -> None:
    until(lambda: not watched.stack.status()["unpublished"], OPEN_SECONDS)
    watched.await_quiet()  # what a busy machine opens now and then closes again


def test_every_declared_alert_is_set_off_here(watched: Watched) -> None:
    apis = watched.stack.description["google_apis"]["url"]
    answer = httpx.get(f"{apis}/v3/projects/utxoiq-local/alertPolicies", timeout=SECONDS)
    policies = answer.json()["alertPolicies"]
    declared = {policy["displayName"].removeprefix(f"{PREFIX}-") for policy in policies}
    assert declared == {slug for cause in CAUSES.values() for slug in cause.opens} | set(MISSING)


def test_an_alert_on_what_nobody_publishes_is_found(small: SmallProject) -> None:
    stack = small.write(LONELY).start()
    (fault,) = httpx.get(f"{stack.base_url}/_local/index.json", timeout=SECONDS).json()["unpublished"]
    assert (fault["what"], fault["metric"]) == ("the alert lonely", "custom.googleapis.com/small/sales")


def test_an_alert_that_google_would_refuse_is_not_deployed(small: SmallProject) -> None:
    stack = small.write(LONELY.replace("120s", "90s"))
    stack.begin()
    assert stack.await_end() == 1
    assert "the alert policy lonely: sales: its duration is a number of whole minutes, not 90s" in stack.output


@pytest.mark.parametrize("name", list(CAUSES))
def test_just_the_declared_alerts_open_and_close(watched: Watched, name: str) -> None:
    besides = opened_besides(watched, CAUSES[name])
    # A busy machine breaks something now and then, too; what the cause brings, it brings again and again.
    for _ in range(2):
        if besides:
            besides &= opened_besides(watched, CAUSES[name])
    assert not besides


def opened_besides(watched: Watched, cause: Cause) -> frozenset[str]:
    """What a cause opened besides what it has to, and may, open."""
    expected = frozenset(cause.opens)
    with watched.opening(expected) as opened, cause.breaks(watched) as broken:
        opened.await_slugs(expected)
        follow_runbooks(watched, cause.opens, broken if isinstance(broken, Seen) else Seen())
    return opened.slugs() - expected - frozenset(cause.may)


def follow_runbooks(watched: Watched, slugs: Sequence[str], seen: Seen) -> None:
    """Do what the runbooks of open incidents say; those that say so have to end theirs by that."""
    for slug in slugs:
        run_runbook(watched.stack, slug, {**labels_of(watched.incident(slug)), **seen})
    ended = {slug for slug in slugs if says_that_it_ends_the_incident(slug)}
    until(lambda: not ended & set(watched.open()), CLOSE_SECONDS, LOOK_SECONDS)


def test_backups_that_have_failed_for_days_are_missing(watched: Watched) -> None:
    """The newest is made older while nobody looks, and the next one fails."""
    expected = set(MISSING)
    watched.run_job("backup")  # the runbook looks at the last one that was asked for
    watched.await_quiet()
    watched.stop()
    watched.stack.down()
    _age(watched.cloud_sql("registry.json"), timedelta(hours=30))
    with no_room_for_backups(watched):
        watched.start()
        # What a busy machine opens now and then closes again, and these stay.
        until(lambda: set(watched.open()) == expected, OPEN_SECONDS, LOOK_SECONDS)
    follow_runbooks(watched, MISSING, Seen())
    watched.await_quiet()


def _burn(connection: pg8000.native.Connection) -> None:
    """Until somebody ends it. The series is counted as it comes: kept, it would wait for the disk, not for a core."""
    with suppress(pg8000.exceptions.DatabaseError, pg8000.exceptions.InterfaceError, OSError):
        connection.run("SELECT count(*) FROM (SELECT generate_series(1, 1e12)) AS series")


def _corrupt(backup: Path) -> None:
    """One byte of the largest file that holds rows."""
    largest = max((backup / "base").rglob("[0-9]*"), key=lambda path: path.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 0xFF
    largest.write_bytes(content)


def _age(registry: Path, by: timedelta) -> None:
    content = json.loads(registry.read_text())
    for backup in content["backups"][PREFIX]:
        for moment in ("enqueuedTime", "windowStartTime", "startTime", "endTime"):
            if moment in backup:
                backup[moment] = (datetime.fromisoformat(backup[moment]) - by).isoformat()
    registry.write_text(json.dumps(content))
