"""What is set for the database or a role changes neither the text of values nor the meaning of names."""

import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from local_cloud.processes.postgres import Postgres
from utxoiq_persistence.config import Settings
from utxoiq_persistence.postgres.connection import SESSION_SETTINGS
from utxoiq_persistence.postgres.statements import Statement
from utxoiq_persistence.records import (
    AggregateQuery,
    Comment,
    CommentsQuery,
    Idempotency,
    MetricsQuery,
    NewJob,
    NewMetric,
)
from utxoiq_persistence.store import Store

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("patient_with_redis")]

# Each as far from what is meant as a server takes.
ODD = {
    "array_nulls": "off",
    "bytea_output": "'escape'",
    "client_encoding": "'LATIN1'",
    "datestyle": "'German, DMY'",
    "default_transaction_deferrable": "on",
    "default_transaction_isolation": "'serializable'",
    "default_transaction_read_only": "on",
    "extra_float_digits": "-10",
    "intervalstyle": "'sql_standard'",
    "search_path": "pg_catalog",
    "standard_conforming_strings": "off",
    "timezone": "'Asia/Kolkata'",
    "transform_null_equals": "on",
}
SHOWN = Statement(
    "shown",
    "SELECT name, setting FROM pg_settings WHERE source IN ('database', 'user', 'database user')"
    " AND name <> 'default_transaction_read_only' ORDER BY name",
    lambda _: (),
)
VALUE = 0.1234567890123456


@pytest.fixture
def database(new_database: Callable[[], str]) -> str:
    return new_database()


@pytest.fixture(params=[*ODD, "all of them"])
async def odd_store(
    request: pytest.FixtureRequest, postgres: Postgres, database: str, settings: Settings
) -> AsyncIterator[Store]:
    """Of a database with one of them, or all."""
    names = list(ODD) if request.param == "all of them" else [request.param]
    with postgres.connect() as connection:
        for name in names:
            connection.run(f"ALTER DATABASE {database} SET {name} = {ODD[name]}")
    async with Store.opened(settings) as store:
        yield store


def test_every_setting_is_tried() -> None:
    assert ODD.keys() == SESSION_SETTINGS.keys()


async def test_no_setting_of_the_database_is_in_force(odd_store: Store) -> None:
    assert await odd_store.database.fetch(SHOWN) == []


async def test_pages_repeats_and_values_are_as_ever(odd_store: Store) -> None:
    for user in ("a", "b", "c"):
        await odd_store.feedback.comment(Comment("x", "back\\slash 🎉", user), user)
    users, cursor = [], None
    for _ in range(3):
        page = await odd_store.feedback.comments(CommentsQuery("x", limit=1, cursor=cursor))
        shown = msgspec.json.decode(page.body)
        (comment,) = shown["comments"]
        assert comment["comment"] == "back\\slash 🎉"
        assert datetime.fromisoformat(comment["created_at"]).utcoffset() == timedelta()
        users.append(comment["user_id"])
        cursor = page.next_cursor
    assert users == ["c", "b", "a"]
    assert cursor is None
    once = Idempotency("caller", str(uuid.uuid4()), b"\x00\xff\\hash")
    first, second = [await odd_store.jobs.start(NewJob("t", 0, 5), once) for _ in range(2)]
    assert first.body == second.body


async def test_numbers_and_times_of_metrics_are_whole(odd_store: Store) -> None:
    at = datetime.now(UTC) - timedelta(minutes=5)
    await odd_store.metrics.record(NewMetric("s", "t", VALUE, "u", {"deep": VALUE}, at))
    query = MetricsQuery(at - timedelta(hours=2), at + timedelta(hours=1), "s", "t")
    (metric,) = msgspec.json.decode((await odd_store.metrics.find(query)).body)
    assert (metric["metric_value"], metric["metric_metadata"]) == (VALUE, {"deep": VALUE})
    assert datetime.fromisoformat(metric["timestamp"]) == at
    aggregate = AggregateQuery("s", "t", at - timedelta(hours=2), at + timedelta(hours=1))
    (bucket,) = msgspec.json.decode((await odd_store.metrics.aggregate(aggregate)).body)["data"]
    assert bucket["avg_value"] == pytest.approx(VALUE, rel=1e-15)
