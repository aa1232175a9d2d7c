import time
from collections.abc import Callable, Iterator, Mapping
from typing import get_args

import httpx
import pytest
from tests.integration.cloud_monitoring import Monitoring
from tests.integration.conftest import database_settings
from tests.integration.http.functions import PREFIXES, Api, Function
from tests.unit.http.issuer import Issuer

from local_cloud.processes.postgres import Postgres
from local_cloud.processes.storage import StorageServer
from local_cloud.processes.valkey import Valkey
from utxoiq_persistence.access import declared_keys
from utxoiq_persistence.access.api_keys import digest_key
from utxoiq_persistence.access.declared_keys import DeclaredKey
from utxoiq_persistence.postgres import schema
from utxoiq_persistence.records import Scope

Snapshot = Callable[[], Mapping[str, object]]

PROJECT = "utxoiq-test"
ARCHIVE = "utxoiq-test-archive"
AUDIENCE = f"https://region-{PROJECT}.cloudfunctions.net/"
OPERATORS = "https://operators.example.org"
OPERATOR = "root@example.org"
SCHEDULER = "cron@example.org"
SCOPES: list[Scope] = [scope for scope in get_args(Scope) if scope != "admin"]
# The last one has no power over data.
KEYS: dict[str, list[Scope]] = {
    "service": SCOPES,
    "reader": [scope for scope in SCOPES if scope.endswith("read")],
    "powerless": ["admin"],
}
PLENTY = 10**9
# How long the callers' tokens are good for, in seconds: longer than all tests take.
TOKEN_SECONDS = 6 * 3600
# How many rows each table has, and the sum of the transactions that wrote them: no change of a row leaves both as they
# were, and they are read without reading what the rows hold. Of all but api_keys, where a check notes that the key was
# used.
_STATE = """
SELECT string_agg(format(
    'SELECT %L, count(*), sum(xmin::text::bigint) FROM %s', relname, oid::regclass
), ' UNION ALL ')
FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> 'api_keys'
"""


@pytest.fixture(scope="session")
def api_database(postgres: Postgres, new_database: Callable[[], str]) -> str:
    """The functions' own, with the callers' keys: they run longer than a module's tests."""
    name = new_database()
    keys = [
        DeclaredKey(f"{key:0<12}", digest_key(key_of(key).encode()).hex(), key, frozenset(scopes), PLENTY, PLENTY)
        for key, scopes in KEYS.items()
    ]
    declared_keys.declare(database_settings(postgres, name), keys)
    return name


def key_of(name: str) -> str:
    return f"uiq_{name:0<12}_{name:x<43}"


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """The functions' own: they outlive the module, and write their figures to it all the while."""
    with Valkey(tmp_path_factory.mktemp("functions-valkey") / "data", password="secret") as valkey:
        yield valkey


@pytest.fixture(scope="session")
def issuer() -> Iterator[Issuer]:
    with Issuer().serving() as issuer:
        yield issuer


@pytest.fixture(scope="session")
def monitoring() -> Iterator[Monitoring]:
    with Monitoring().running() as monitoring:
        yield monitoring


@pytest.fixture(scope="session")
def archive_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageServer]:
    """With an archive that holds nothing yet."""
    with StorageServer(tmp_path_factory.mktemp("functions-storage") / "buckets") as server:
        made = httpx.post(
            f"{server.url}/storage/v1/b", params={"project": PROJECT}, json={"name": ARCHIVE}, timeout=120
        )
        made.raise_for_status()
        yield server


@pytest.fixture(scope="session")
def variables(
    postgres: Postgres,
    valkey: Valkey,
    issuer: Issuer,
    api_database: str,
    monitoring: Monitoring,
    archive_server: StorageServer,
) -> Mapping[str, str]:
    """Of every function's environment."""
    return {
        **monitoring.variables,
        "GOOGLE_CLOUD_PROJECT": PROJECT,
        "DB_INSTANCE": f"{PROJECT}:region:instance",
        "DB_NAME": api_database,
        "DB_USER": "postgres",
        "CLOUD_SQL_SOCKET_DIR": str(postgres.socket_dir),
        "REDIS_HOST": valkey.host,
        "CACHE_KEY": "of this test and of no other function",
        "COMMON_KEY": "of all functions here, and of nothing else",
        "REDIS_PORT": str(valkey.port),
        "REDIS_AUTH": valkey.password or "",
        "OIDC_USER_JWKS_URL": issuer.url,
        "OIDC_GOOGLE_JWKS_URL": issuer.url,
        "OPERATOR_AUDIENCE": OPERATORS,
        "OPERATORS": OPERATOR,
        "SCHEDULER_ACCOUNT": SCHEDULER,
        "MAX_TOKEN_SECONDS": str(TOKEN_SECONDS),
        "RATE_LIMIT_SIGNED_IN": str(PLENTY),
        "RATE_LIMIT_ADDRESS": str(PLENTY),
        "RATE_LIMIT_ANONYMOUS": str(PLENTY),
        "FIGURES_SECONDS": "0.2",
        "STORAGE_EMULATOR_HOST": archive_server.url,
        "ARCHIVE_BUCKET": ARCHIVE,
    }


@pytest.fixture(scope="session")
def users(postgres: Postgres, api_database: str) -> Mapping[str, str]:
    """The database user of each function, a member of its group role, as a deployment makes it."""
    users = {name: f"{name}@{PROJECT}.iam" for name in sorted(set(PREFIXES.values()))}
    with postgres.connect() as connection:
        for user in users.values():
            connection.run(f'CREATE ROLE "{user}" LOGIN')
    members = {f"utxoiq_{name}": user for name, user in users.items()}
    schema.upgrade(database_settings(postgres, api_database), members)
    return users


@pytest.fixture(scope="session")
def functions(
    variables: Mapping[str, str], users: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Function]]:
    """Each logs in as its own user: what its role may not do fails the test of the endpoint that needs it."""
    folder = tmp_path_factory.mktemp("functions")
    functions = {
        name: Function(folder, name, {**variables, "DB_USER": user, "FUNCTION_AUDIENCE": AUDIENCE + name})
        for name, user in users.items()
    }
    try:
        for function in functions.values():
            function.prepare()
            function.spawn()
        for function in functions.values():
            function.wait_until_ready()
        yield functions
    finally:
        for function in functions.values():
            function.stop()


@pytest.fixture(scope="session")
def api(functions: dict[str, Function], issuer: Issuer) -> Iterator[Api]:
    users = f"https://securetoken.google.com/{PROJECT}"
    expiry = int(time.time()) + TOKEN_SECONDS - 60

    def bearer(issued_by: str, audience: str, subject: str, **claims: object) -> dict[str, str]:
        return {"Authorization": f"Bearer {issuer.token(issued_by, audience, subject, exp=expiry, **claims)}"}

    def google(email: str, audience: str) -> dict[str, str]:
        return bearer("https://accounts.google.com", audience, email, email=email, email_verified=True)

    api = Api(
        functions,
        {
            "user": bearer(users, PROJECT, "user-1"),
            "other": bearer(users, PROJECT, "user-2"),
            "operator": google(OPERATOR, OPERATORS),
            "scheduler": google(SCHEDULER, AUDIENCE + "database"),
            "stranger": google("who@example.org", AUDIENCE + "database"),
            **{name: {"X-API-Key": key_of(name)} for name in KEYS},
        },
    )
    yield api
    api.close()


@pytest.fixture
def snapshot(postgres: Postgres, api_database: str) -> Iterator[Snapshot]:
    """What changes with any change of a table's rows, for each table."""
    with postgres.connect(database=api_database) as connection:
        ((state,),) = connection.run(_STATE)
        yield lambda: {table: figures for table, *figures in connection.run(state)}
