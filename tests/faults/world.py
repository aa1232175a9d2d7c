"""Two instances of each function, as processes, on servers of their own, which they reach by links that can be cut."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import get_args

import httpx
from redis import Redis
from tests.faults import small_disk
from tests.faults.clocked_function import ClockedFunction
from tests.integration.persistence.stalling_link import StallingLink
from tests.integration.persistence.turning_link import TurningLink
from tests.unit.http.issuer import Issuer

from local_cloud.processes.postgres import Postgres
from local_cloud.processes.postgres_wheel import binaries
from local_cloud.processes.storage import StorageServer
from local_cloud.processes.valkey import Valkey
from utxoiq_persistence.access import declared_keys
from utxoiq_persistence.access.api_keys import digest_key
from utxoiq_persistence.access.declared_keys import DeclaredKey
from utxoiq_persistence.config import DatabaseSettings
from utxoiq_persistence.postgres import schema
from utxoiq_persistence.records import Scope

PROJECT = "utxoiq-faults"
INSTANCE = f"{PROJECT}:region:instance"
BUCKET = f"{PROJECT}-archive"
SCHEDULER = "cron@example.org"
OPERATORS = "https://operators.example.org"
OPERATOR = "root@example.org"
DATABASE = "utxoiq"
KEY = f"uiq_{'faults':0<12}_{'faults':x<43}"
PLENTY = 10**9
SCOPES: list[Scope] = [scope for scope in get_args(Scope) if scope != "admin"]
SETTINGS = {
    "fsync": "off",
    "max_connections": "200",
    "wal_level": "replica",
    "max_wal_senders": "4",
    "max_wal_size": "64MB",
}
INSTANCES = 2
# A tenth and a quarter of what is usual, so that faults of seconds outlast both.
STATEMENT_SECONDS = 1
REQUEST_SECONDS = 6


class World:
    """Attributes: postgres and valkey: the servers in charge. link and way: how functions reach them.

    storage: where retention puts what has expired. issuer: of the tokens of users and of Google's identities.
    """

    def __init__(self, folder: Path, functions: Sequence[str]) -> None:
        self.folder = folder
        self.numbers = 0
        self.disk = folder / "disk"
        self.has_small_disk = False
        self.postgres = self.new_postgres()
        self.valkey = self.new_valkey()
        self.storage = StorageServer(folder / "storage")
        self.issuer = Issuer()
        self.link = StallingLink(self.postgres.socket_dir)
        self.way = TurningLink(self.valkey.port)
        self.names = functions
        self.functions: list[ClockedFunction] = []

    def new_postgres(self) -> Postgres:
        self.numbers += 1
        return Postgres(self.disk / f"postgres-{self.numbers}", password="unused", settings=SETTINGS)

    def new_valkey(self) -> Valkey:
        self.numbers += 1
        return Valkey(self.folder / f"valkey-{self.numbers}", policy="noeviction")

    @asynccontextmanager
    async def running(self) -> AsyncIterator["World"]:
        with small_disk.mounted(self.disk) as self.has_small_disk, self.issuer.serving():
            async with self._serving():
                yield self

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        sockets = self.folder / "sockets"
        sockets.mkdir()
        try:
            self.postgres.start()
            self.valkey.start()
            self.storage.start()
            self._fill()
            async with self.link.listening(sockets), self.way.listening():
                self.functions = [
                    ClockedFunction(self.folder / f"{name}-{number}", name, self.variables(name, sockets))
                    for name in self.names
                    for number in range(INSTANCES)
                ]
                try:
                    for function in self.functions:
                        function.prepare()
                        function.spawn()
                    for function in self.functions:
                        await asyncio.to_thread(function.wait_until_ready)
                    yield
                finally:
                    await asyncio.gather(*(asyncio.to_thread(function.stop) for function in self.functions))
        finally:
            for server in (self.storage, self.valkey, self.postgres):
                server.stop()

    def of(self, name: str) -> list[ClockedFunction]:
        """Return the instances of a function."""
        return [function for function in self.functions if function.name == name]

    def user_token(self, user: str) -> str:
        """Return a new token of a user, by the issuer's present key."""
        return self.issuer.token(f"https://securetoken.google.com/{PROJECT}", PROJECT, user)

    def google_token(self, email: str, audience: str) -> str:
        """Return a new token of a Google account."""
        return self.issuer.token("https://accounts.google.com", audience, email, email=email, email_verified=True)

    def redis(self) -> Redis:
        return Redis(self.valkey.host, self.valkey.port)

    def admit_replicas(self) -> None:
        with (self.postgres.folder / "pg_hba.conf").open("a") as rules:
            rules.write("local replication all trust\n")
        with self.postgres.connect() as connection:
            connection.run("SELECT pg_reload_conf()")

    def copy_postgres(self) -> Postgres:
        """Return a standby of the primary that has all that was acknowledged."""
        standby = self.new_postgres()
        standby.folder.mkdir(mode=0o700)
        standby.own(standby.folder)
        source = self.postgres
        program = str(binaries() / "pg_basebackup")
        source.run(
            [
                program,
                f"--pgdata={standby.folder}",
                f"--host={source.socket_dir}",
                f"--port={source.port}",
                f"--username={source.user}",
                "--checkpoint=fast",
                "--write-recovery-conf",
            ]
        )
        (standby.folder / "postgresql.auto.conf").chmod(0o600)
        standby.start()
        with source.connect() as connection:
            connection.run("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.run("SELECT pg_reload_conf()")
            while connection.run("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") != [[1]]:
                pass
        return standby

    def _fill(self) -> None:
        with self.postgres.connect() as connection:
            connection.run(f"CREATE DATABASE {DATABASE}")
        settings = DatabaseSettings(INSTANCE, DATABASE, "postgres", str(self.postgres.socket_dir))
        schema.upgrade(settings, {})
        key = DeclaredKey(
            f"{'faults':0<12}", digest_key(KEY.encode()).hex(), "faults", frozenset(SCOPES), PLENTY, PLENTY
        )
        declared_keys.declare(settings, [key])
        made = httpx.post(f"{self.storage.url}/storage/v1/b?project={PROJECT}", json={"name": BUCKET}, timeout=60)
        made.raise_for_status()

    def variables(self, name: str, sockets: Path) -> dict[str, str]:
        """Return the environment of a function. sockets: the folder in which it finds PostgreSQL."""
        return {
            "GOOGLE_CLOUD_PROJECT": PROJECT,
            "DB_INSTANCE": INSTANCE,
            "DB_NAME": DATABASE,
            "DB_USER": "postgres",
            "CLOUD_SQL_SOCKET_DIR": str(sockets),
            "REDIS_HOST": "127.0.0.1",
            "REDIS_PORT": str(self.way.port),
            "CACHE_KEY": f"of {name} in this suite and of no other function",
            "COMMON_KEY": "of all functions here, and of nothing else",
            "FUNCTION_AUDIENCE": audience(name),
            "OIDC_USER_JWKS_URL": self.issuer.url,
            "OIDC_GOOGLE_JWKS_URL": self.issuer.url,
            "SCHEDULER_ACCOUNT": SCHEDULER,
            "OPERATORS": OPERATOR,
            "OPERATOR_AUDIENCE": OPERATORS,
            "STORAGE_EMULATOR_HOST": self.storage.url,
            "ARCHIVE_BUCKET": BUCKET,
            "RATE_LIMIT_SIGNED_IN": str(PLENTY),
            "RATE_LIMIT_ADDRESS": str(PLENTY),
            "RATE_LIMIT_ANONYMOUS": str(PLENTY),
            "K_SERVICE": name,
            "DB_STATEMENT_TIMEOUT_MS": str(1000 * STATEMENT_SECONDS),
            "REQUEST_SECONDS": str(REQUEST_SECONDS),
        }


def audience(name: str) -> str:
    """Return the audience of a function's tokens."""
    return f"https://region-{PROJECT}.cloudfunctions.net/{name}"
