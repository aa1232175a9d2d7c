"""Of calls at once, one works: how the lock that sees to it is freed."""

import contextlib
from collections.abc import Callable, Iterator

import pytest
from pg8000.exceptions import DatabaseError
from tests.system.running import until

from local_cloud.processes.postgres import Postgres
from utxoiq_persistence.backup import backups as subject
from utxoiq_persistence.backup.backups import BackupService, Work
from utxoiq_persistence.backup.cloud_sql import CloudSql, CloudSqlUnavailable
from utxoiq_persistence.backup.settings import BackupSettings
from utxoiq_persistence.config import DatabaseSettings, Settings
from utxoiq_persistence.errors import DatabaseUnavailable
from utxoiq_persistence.postgres.session import Row, Session, connector
from utxoiq_persistence.postgres.statements import Statement
from utxoiq_persistence.store import Store

pytestmark = pytest.mark.anyio

HELD = """
SELECT FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = :name)"""
END = Statement("end", "SELECT pg_terminate_backend(pg_backend_pid())", lambda _: ())
BACKEND = Statement("backend", "SELECT pg_backend_pid()", lambda _: ())


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What runs on the connections of calls, which stay open after them."""
    names: list[str] = []
    with contextlib.ExitStack() as closing:

        def connecting(settings: DatabaseSettings) -> Callable[[], Session]:
            def connect() -> Session:
                session = connector(settings)()
                run = session.run

                def noted(statement: Statement) -> list[Row]:
                    names.append(statement.name)
                    return run(statement)

                closing.callback(session.close)
                monkeypatch.setattr(session, "run", noted)
                monkeypatch.setattr(session, "close", lambda: None)
                return session

            return connect

        monkeypatch.setattr(subject, "connector", connecting)
        yield names


@pytest.fixture
def backups(settings: Settings, store: Store, statements: list[str]) -> BackupService:
    """Of a Cloud SQL that nobody asks anything."""
    return BackupService(BackupSettings(settings.database, "exports", "http://127.0.0.1:1"), store)


def held(postgres: Postgres, database: str) -> bool:
    with postgres.connect() as connection:
        return bool(connection.run(HELD, name=database))


def nothing(session: Session, cloud: CloudSql) -> None:
    pass


def refused(session: Session, cloud: CloudSql) -> None:
    raise CloudSqlUnavailable("it is away")


def wrong(session: Session, cloud: CloudSql) -> None:
    with session.transaction():
        session.execute("SELECT 1 / 0")


async def test_calls_at_once_do_not_both_work(backups: BackupService, postgres: Postgres, database: str) -> None:
    worked = []

    def work(session: Session, cloud: CloudSql) -> None:
        assert held(postgres, database)
        backups._run_locked(lambda _, __: worked.append("inner"))
        worked.append("outer")

    await backups._run_alone(work)
    assert worked == ["outer"]


@pytest.mark.parametrize(
    ("work", "failure"),
    [(nothing, None), (refused, CloudSqlUnavailable), (wrong, DatabaseError)],
    ids=["done", "failed elsewhere", "failed in the database"],
)
async def test_the_lock_is_free_when_the_work_ends_and_not_only_when_the_connection_does(
    backups: BackupService, postgres: Postgres, database: str, work: Work, failure: type[Exception] | None
) -> None:
    if failure is None:
        await backups._run_alone(work)
    else:
        with pytest.raises(failure):
            await backups._run_alone(work)
    assert not held(postgres, database)


async def test_nothing_more_is_asked_on_a_connection_that_was_lost_and_its_end_frees_the_lock(
    backups: BackupService, statements: list[str], postgres: Postgres, database: str
) -> None:
    def work(session: Session, cloud: CloudSql) -> None:
        session.run(END)

    with pytest.raises(DatabaseUnavailable):
        await backups._run_alone(work)
    assert statements == ["lock", "end"]
    until(lambda: not held(postgres, database), 120)


async def test_work_that_is_done_stays_done_where_the_connection_is_lost_after_it(
    backups: BackupService, statements: list[str], postgres: Postgres, database: str
) -> None:
    def work(session: Session, cloud: CloudSql) -> None:
        ((backend,),) = session.run(BACKEND)
        with postgres.connect() as other:
            other.run("SELECT pg_terminate_backend(:backend, 30000)", backend=backend)

    await backups._run_alone(work)
    assert statements == ["lock", "backend", "unlock"]
    assert not held(postgres, database)
