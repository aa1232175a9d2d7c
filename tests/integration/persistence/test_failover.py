"""After a failover of PostgreSQL no session of before is used again, and the first write succeeds."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.integration.conftest import SERVER_SETTINGS, database_settings

from local_cloud.processes.postgres import Postgres
from local_cloud.processes.postgres_wheel import binaries
from utxoiq_persistence.config import DatabaseSettings
from utxoiq_persistence.errors import DatabaseUnavailable
from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.postgres.session import connector
from utxoiq_persistence.postgres.statements import Statement

pytestmark = pytest.mark.anyio

WRITE = Statement("write", "INSERT INTO written VALUES ($1::int)", lambda parameters: (parameters["value"],))
# Less than a server that is silent is waited for.
PROMPT = 10.0


class Pair:
    """A primary and its standby, and the folder by whose socket programs reach whichever is in charge."""

    def __init__(self, folder: Path) -> None:
        self.primary = Postgres(folder / "primary", password="unused", settings=SERVER_SETTINGS)
        self.standby = Postgres(folder / "standby", password="unused", settings=SERVER_SETTINGS)
        self.way = folder / "way"

    def start(self) -> None:
        self.primary.start()
        with self.primary.connect() as connection:
            connection.run("CREATE TABLE written (value int)")
            with (self.primary.folder / "pg_hba.conf").open("a") as rules:
                rules.write("local replication all trust\n")
            connection.run("SELECT pg_reload_conf()")
        self._copy()
        self.standby.start()
        self.lead_to(self.primary)

    def _copy(self) -> None:
        self.standby.folder.mkdir(mode=0o700)
        self.standby.own(self.standby.folder)
        self.primary.run(
            [
                str(binaries() / "pg_basebackup"),
                f"--pgdata={self.standby.folder}",
                f"--host={self.primary.socket_dir}",
                f"--port={self.primary.port}",
                f"--username={self.primary.user}",
                "--checkpoint=fast",
                "--write-recovery-conf",
            ]
        )

    def lead_to(self, server: Postgres) -> None:
        """Let new connections reach this server; those that are open stay."""
        link = self.way.with_suffix(".new")
        link.symlink_to(server.socket_dir)
        link.rename(self.way)

    def stop(self) -> None:
        for server in (self.standby, self.primary):
            server.stop()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    pair = Pair(tmp_path_factory.mktemp("pair"))
    try:
        pair.start()
        yield pair
    finally:
        pair.stop()


@asynccontextmanager
async def opened(settings: DatabaseSettings, sessions: int) -> AsyncIterator[Database]:
    """A pool with so many idle sessions."""
    database = Database(settings, connector(settings))
    held = [asyncio.create_task(database.work("hold", lambda session: session.execute("SELECT pg_sleep(0.1)")))]
    held += [
        asyncio.create_task(database.work("hold", lambda session: session.execute("SELECT pg_sleep(0.1)")))
        for _ in range(sessions - 1)
    ]
    await asyncio.gather(*held)
    try:
        yield database
    finally:
        await database.close()


async def test_sessions_of_a_server_that_became_read_only_are_given_up_at_once(pair: Pair) -> None:
    """Programs hold sessions of a standby, as of a demoted primary; the way leads to another server by now."""
    settings = replace(database_settings(pair.primary, "postgres"), socket_dir=str(pair.way))
    pair.lead_to(pair.standby)
    async with opened(settings, 8) as database:
        pair.lead_to(pair.primary)
        await database.fetch(WRITE, value=1)
        assert database.queries["write"].errors == 1
        assert all(session.opened >= database._opened_since for session in database._idle)


async def test_a_write_succeeds_soon_after_a_standby_took_over(pair: Pair) -> None:
    settings = replace(database_settings(pair.primary, "postgres"), socket_dir=str(pair.way))
    pair.lead_to(pair.primary)
    async with opened(settings, 8) as database:
        await database.fetch(WRITE, value=2)
        pair.primary.kill()
        pair.lead_to(pair.standby)
        with pytest.raises(DatabaseUnavailable):
            await database.fetch(WRITE, value=3)
        with pair.standby.connect() as connection:
            connection.run("SELECT pg_promote()")
        started = time.monotonic()
        await database.fetch(WRITE, value=4)
        assert time.monotonic() - started < PROMPT


@pytest.mark.parametrize("state", ["25006", "57P01", "57P05", "08006", "53100", "58030"])
async def test_what_speaks_of_the_server_ends_the_session(postgres: Postgres, database: str, state: str) -> None:
    settings = database_settings(postgres, database)
    pool = Database(settings, connector(settings))
    raising = f"DO $$ BEGIN RAISE 'it is the server' USING errcode = '{state}'; END $$"
    before = await pool.work("pid", lambda session: session.run(PID))
    with pytest.raises(DatabaseUnavailable, match="not available"):
        await pool.work("raise", lambda session: session.execute(raising))
    assert await pool.work("pid", lambda session: session.run(PID)) != before
    await pool.close()


PID = Statement("pid", "SELECT pg_backend_pid()", lambda _: ())
