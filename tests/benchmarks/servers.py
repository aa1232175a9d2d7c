"""What is measured, as processes: PostgreSQL, Valkey, our functions and the peer."""

import http.client
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.benchmarks.callers import Callers

from local_cloud.processes.postgres import Postgres
from local_cloud.processes.server import Server, free_port
from local_cloud.processes.valkey import Valkey
from utxoiq_persistence.access import declared_keys
from utxoiq_persistence.access.declared_keys import DeclaredKey
from utxoiq_persistence.config import DatabaseSettings
from utxoiq_persistence.packaged_folders import find_folder
from utxoiq_persistence.postgres import schema
from utxoiq_persistence.postgres.connection import PLANNER_SETTINGS

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = ("backfill", "feedback", "metrics", "database")
INSTANCE = "bench:local:main"
# Durable as by default; sized so that no checkpoint falls into one side's run alone. The planner reckons for the peer
# as our sessions ask it to.
POSTGRES = {
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "1h",
    "max_connections": "200",
    **PLANNER_SETTINGS,
}


class HttpServer(Server):
    """A server that answers GET on `path`."""

    path: str

    def __init__(self, name: str, folder: Path, path: str) -> None:
        super().__init__(folder, folder / f"{name}.log")
        self.name = name
        self.path = path
        self.port = free_port()

    def prepare(self) -> None:
        self.folder.mkdir(exist_ok=True)

    def probe(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", self.path)
            return connection.getresponse().status == 200
        except (ConnectionError, http.client.HTTPException):
            return False
        finally:
            connection.close()


class FrameworkServer(HttpServer):
    """As the platform starts it: functions-framework in the function's folder, logs to a file."""

    def __init__(self, name: str, folder: Path, path: str, source: Path, settings: Mapping[str, str]) -> None:
        super().__init__(name, folder, path)
        self.source = str(source)
        self._settings = {
            **settings,
            "FUNCTION_TARGET": name,
            "FUNCTION_SIGNATURE_TYPE": "http",
            "FUNCTION_USE_ASGI": "true",
            "FUNCTION_SOURCE": self.source,
            "K_SERVICE": name,
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "PYTHONPATH": str(ROOT / "functions"),
        }

    def command(self) -> Sequence[str]:
        return [str(Path(sys.executable).with_name("functions-framework"))]

    def environment(self) -> Mapping[str, str]:
        return {**super().environment(), **self._settings}


class Function(FrameworkServer):
    def __init__(self, name: str, folder: Path, backends: "Backends", callers: Callers, database: str) -> None:
        settings = {
            **backends.environment(name, database),
            **callers.environment,
            "FUNCTION_AUDIENCE": f"https://bench.invalid/{name}",
        }
        super().__init__(name, folder, "/health", ROOT / "functions" / name / "main.py", settings)


class Hello(FrameworkServer):
    """The floor: a function that does nothing."""

    def __init__(self, folder: Path) -> None:
        super().__init__("hello", folder, "/", Path(__file__).parent / "hello" / "main.py", {})


class Peer(HttpServer):
    def __init__(self, folder: Path, backends: "Backends", database: str, *, tuned: bool = True) -> None:
        """tuned: with its garbage collector set as ours is."""
        super().__init__("peer", folder, "/openapi.json")
        self._settings = {
            "PEER_COLLECTOR": "tuned" if tuned else "",
            "PEER_SOCKET_DIR": str(backends.postgres.socket_dir),
            "PEER_DATABASE": database,
            "PEER_REDIS_URL": f"{backends.valkey.url}/1",
            "PYTHONPATH": f"{ROOT}:{ROOT / 'functions'}",
        }

    def command(self) -> Sequence[str]:
        options = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
        return [sys.executable, "-m", "uvicorn", "tests.benchmarks.peer:app", "--port", str(self.port), *options]

    def environment(self) -> Mapping[str, str]:
        return {**super().environment(), **self._settings}


class Backends:
    def __init__(self, postgres: Postgres, valkey: Valkey) -> None:
        self.postgres = postgres
        self.valkey = valkey

    def create(self, database: str, key: DeclaredKey) -> None:
        """A database with the schema, every function's user, and the callers' key."""
        with self.postgres.connect() as connection:
            connection.run(f"CREATE DATABASE {database}")
            users = {row[0] for row in connection.run("SELECT rolname FROM pg_roles") or []}
            for name in FUNCTIONS:
                if name not in users:
                    connection.run(f'CREATE ROLE "{name}" LOGIN')
        settings = DatabaseSettings(INSTANCE, database, "postgres", str(self.postgres.socket_dir))
        schema.upgrade(settings, {f"utxoiq_{name}": name for name in FUNCTIONS})
        declared_keys.declare(settings, [key])

    def copy(self, database: str, copy: str) -> None:
        """For the peer, with the wide table of metrics."""
        with self.postgres.connect() as connection:
            connection.run(f"CREATE DATABASE {copy} TEMPLATE {database} STRATEGY file_copy")
        widen(DatabaseSettings(INSTANCE, copy, "postgres", str(self.postgres.socket_dir)))

    def settle(self, *databases: str) -> None:
        """Do the upkeep of what was written, which would otherwise fall into what is measured next."""
        for database in databases:
            with self.postgres.connect(database=database) as connection:
                connection.run("VACUUM ANALYZE")
                connection.run("CHECKPOINT")

    def environment(self, user: str, database: str) -> dict[str, str]:
        """Of a function, so that it finds both."""
        return {
            "GOOGLE_CLOUD_PROJECT": "utxoiq-bench",
            "DB_INSTANCE": INSTANCE,
            "DB_NAME": database,
            "DB_USER": user,
            "CLOUD_SQL_SOCKET_DIR": str(self.postgres.socket_dir),
            "REDIS_HOST": self.valkey.host,
            "CACHE_KEY": "of this test and of no other function",
            "COMMON_KEY": "of all functions here, and of nothing else",
            "REDIS_PORT": str(self.valkey.port),
            "ARCHIVE_BUCKET": "utxoiq-bench-archive",
            "MONITORING_NAMESPACE": "utxoiq-bench",
            "MONITORING_LOCATION": "region",
        }


def widen(settings: DatabaseSettings) -> None:
    """Go back to the version before metrics were narrow: a wide table with four indexes is what a peer would have."""
    (narrow,) = (find_folder("migrations") / "versions").glob("*_narrow.py")
    schema.downgrade(settings, f"{int(narrow.name[:4]) - 1:04}")


@contextmanager
def backends(folder: Path) -> Iterator[Backends]:
    with ExitStack() as stack:
        postgres = stack.enter_context(Postgres(folder / "postgres", password="bench", settings=POSTGRES))
        valkey = stack.enter_context(Valkey(folder / "valkey", memory_bytes=256 * 2**20))
        yield Backends(postgres, valkey)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """One that PostgreSQL's user may pass through, where root runs this."""
    folder = Path(tempfile.mkdtemp(prefix="utxoiq-bench-"))
    try:
        folder.chmod(0o711)
        yield folder
    finally:
        shutil.rmtree(folder)
