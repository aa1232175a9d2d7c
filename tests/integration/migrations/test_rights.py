"""Each function's database user does its function's work, and nothing else."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pg8000.exceptions import DatabaseError
from tests.integration.cloud_monitoring import Monitoring
from tests.integration.conftest import database_settings

from local_cloud.processes.postgres import Postgres
from utxoiq_persistence.archive.bucket import ArchiveBucket
from utxoiq_persistence.config import Settings
from utxoiq_persistence.errors import IdempotencyMismatch
from utxoiq_persistence.postgres import schema
from utxoiq_persistence.privacy import erasure
from utxoiq_persistence.privacy.exports import Exports
from utxoiq_persistence.publishing.fleet_publishing import FleetPublisher
from utxoiq_persistence.records import (
    AggregateQuery,
    Clearing,
    Comment,
    CommentsQuery,
    Flag,
    Idempotency,
    JobProgress,
    JobQuery,
    MetricsQuery,
    NewJob,
    NewMetric,
    Rating,
    UserFeedbackQuery,
)
from utxoiq_persistence.store import Store

pytestmark = pytest.mark.anyio

FUNCTIONS = ("backfill", "feedback", "metrics", "database")
As = Callable[[str], AbstractAsyncContextManager[Store]]


@pytest.fixture(scope="module")
def members(postgres: Postgres, database: str) -> None:
    names = {f"utxoiq_{function}": f"{function}@project.iam" for function in FUNCTIONS}
    with postgres.connect() as connection:
        for user in names.values():
            connection.run(f'CREATE ROLE "{user}" LOGIN')
    schema.upgrade(database_settings(postgres, database), names)


@pytest.fixture
def opened_as(settings: Settings, members: None) -> As:
    """The store of a function."""

    @asynccontextmanager
    async def opened(function: str) -> AsyncIterator[Store]:
        user = f"{function}@project.iam"
        async with Store.opened(replace(settings, database=replace(settings.database, user=user))) as store:
            yield store

    return opened


async def test_backfill_does_its_work(opened_as: As) -> None:
    async with opened_as("backfill") as store:
        for key in ("a", "a", "b"):
            document = await store.jobs.start(NewJob("x", 0, 9), Idempotency("caller", key, b""))
        job_id = json.loads(document.body)["id"]
        await store.jobs.progress(job_id, JobProgress(9, 100, status="completed"))
        await store.jobs.get(job_id)
        await store.jobs.find(JobQuery())


def no_archive() -> ArchiveBucket:
    """For users of whom it holds nothing."""
    raise AssertionError("the archive was opened")


async def test_feedback_does_its_work(opened_as: As) -> None:
    async with opened_as("feedback") as store:
        for rating in (3, 4):
            await store.feedback.rate(Rating("i", rating), "u")
        await store.feedback.comment(Comment("i", "c"), "u")
        await store.feedback.flag(Flag("i", "spam"), "u")
        assert json.loads((await store.feedback.stats("i")).body)["average_rating"] == 4
        await store.feedback.comments(CommentsQuery("i"))
        await store.feedback.find_by_user(UserFeedbackQuery(), "u")
        await store.feedback.clear(Clearing("i", "comment"), "u")
        page = await Exports(store.database, no_archive).export("u", None)
        assert len(json.loads(page.body)["feedback"]) == 1
        assert (await erasure.erase(store.database, store.feedback, "u")).feedback == 1


async def test_metrics_does_its_work(opened_as: As) -> None:
    now = datetime.now(UTC)
    async with opened_as("metrics") as store:
        for _ in range(2):
            await store.metrics.record_batch([NewMetric("s", "t", 1.0, "u")] * 2, Idempotency("caller", "m", b""))
        await store.metrics.record(NewMetric("s", "t", 1.0, "u"))
        await store.metrics.find(MetricsQuery(now - timedelta(hours=2), now, "s", "t"))
        await store.metrics.record(NewMetric("s", "t", 1.0, "u", None, now - timedelta(hours=5)))
        assert await store.metrics.sketch() > 0
        query = AggregateQuery("s", "t", now - timedelta(hours=6), now, "day", "true", "previous_period")
        await store.metrics.aggregate(query)


async def test_a_key_that_another_function_holds_was_used_for_another_request(opened_as: As) -> None:
    held = Idempotency("caller", "of both", b"")
    async with opened_as("backfill") as store:
        await store.jobs.start(NewJob("x", 0, 9), held)
    async with opened_as("metrics") as store:
        with pytest.raises(IdempotencyMismatch):
            await store.metrics.record_batch([NewMetric("s", "t", 1.0, "u")], held)


async def test_database_publishes_the_fleets_figures(opened_as: As) -> None:
    async with opened_as("database") as store:
        with Monitoring().running() as monitoring:
            publisher = FleetPublisher(monitoring.settings(), store)
            assert (await publisher.publish()).startswith("published ")
        assert await store.server.activity() is not None


@pytest.mark.parametrize(
    ("function", "statement"),
    [
        ("backfill", "SELECT FROM insight_feedback"),
        ("backfill", "SELECT FROM system_metrics"),
        ("backfill", "DELETE FROM backfill_jobs"),
        ("backfill", "TRUNCATE backfill_jobs"),
        ("feedback", "SELECT FROM backfill_jobs"),
        ("feedback", "UPDATE insight_stats SET comments = 1"),
        ("feedback", "SELECT FROM archive_objects"),
        ("feedback", "SELECT FROM pending_erasures"),
        ("feedback", "SELECT FROM person_keys_find('{}')"),
        ("feedback", "SELECT FROM person_keys_ensure('{}', '2025-01-01', 'clear')"),
        ("feedback", "UPDATE audit_log SET actor = 'erased'"),
        ("feedback", "SELECT insight_stats_apply('i', 5::smallint, NULL, NULL, 1)"),
        ("feedback", "SELECT FROM idempotency_keys"),
        ("metrics", "UPDATE metric_points SET metric_value = 1"),
        ("metrics", "DELETE FROM metric_points"),
        ("metrics", "INSERT INTO metric_series (series, service_name, metric_type, unit) VALUES (1, 'a', 'b', 'c')"),
        ("metrics", "UPDATE metric_watermark SET folded = now()"),
        ("metrics", "DELETE FROM metric_deltas"),
        ("database", "SELECT FROM metric_points"),
        ("database", "SELECT service_name FROM metric_series"),
        ("database", "SELECT metric_points_fold()"),
        ("metrics", "DELETE FROM metric_rollups"),
        ("metrics", "DELETE FROM metric_sketches"),
        ("database", "SELECT FROM metric_sketches"),
        ("database", "SELECT FROM backup_runs"),
        ("database", "SELECT FROM backup_verifications"),
        ("metrics", "SELECT FROM metric_points_default"),
        ("metrics", "SELECT FROM insight_stats"),
        ("database", "SELECT FROM system_metrics"),
        ("database", "SELECT FROM backfill_jobs"),
        *(
            (function, statement)
            for function in FUNCTIONS
            for statement in (
                "SELECT FROM alembic_version",
                "SELECT FROM person_keys",
                *(
                    [
                        "SELECT FROM person_erase('u', 'a', NULL, NULL, NULL)",
                        "SELECT FROM person_archive('u')",
                        "SELECT FROM person_audit('u', now(), 0, 1)",
                    ]
                    if function != "feedback"
                    else []
                ),
                "SELECT utxoiq_add_member('utxoiq_backfill', current_user)",
                "GRANT utxoiq_backfill TO current_user",
                "CREATE TABLE public.mine (x int)",
                "CREATE ROLE mine",
            )
        ),
    ],
)
async def test_what_was_not_granted_is_refused(opened_as: As, function: str, statement: str) -> None:
    async with opened_as(function) as store:
        with pytest.raises(DatabaseError, match="42501"):
            await store.database.work("forbidden", lambda session: session.execute(statement))


async def test_nobody_has_rights_by_being_a_user(postgres: Postgres, database: str) -> None:
    with postgres.connect(database=database) as connection:
        tables = connection.run("""
            SELECT relname FROM pg_class CROSS JOIN aclexplode(relacl) AS acl
            WHERE relnamespace = 'public'::regnamespace AND grantee = 0""")
        functions = connection.run("""
            SELECT proname FROM pg_proc CROSS JOIN aclexplode(coalesce(proacl, acldefault('f', proowner))) AS acl
            WHERE pronamespace = 'public'::regnamespace AND grantee = 0""")
    assert (tables, functions) == ([], [])
