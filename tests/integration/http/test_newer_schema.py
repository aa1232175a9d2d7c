"""Functions answer as before when the schema is newer than they are: a deployment migrates before it replaces them.

Twice: today's functions, while every table gets a column; and those of the last tagged release, where this clone has
one, while the database goes on to the newest version of the schema.
"""

import io
import json
import re
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pg8000.native
import pytest
from tests.integration.conftest import database_settings
from tests.integration.http.conftest import AUDIENCE, OPERATOR, OPERATORS, PLENTY, PROJECT, SCHEDULER, SCOPES, key_of
from tests.integration.http.functions import PREFIXES, REPOSITORY, Api, Function
from tests.unit.http.issuer import Issuer

from local_cloud.processes.postgres import Postgres
from local_cloud.processes.valkey import Valkey
from utxoiq_persistence.access.api_keys import digest_key
from utxoiq_persistence.postgres import schema

FUNCTIONS = sorted(set(PREFIXES.values()))
BACKFILL = "/api/v1/monitoring/backfill"
FEEDBACK = "/api/v1/feedback"
METRICS = "/api/v1/monitoring/metrics"
DATABASE = "/api/v1/monitoring/database"
ACCESS = "/api/v1/access"
RANGE = "start_time=2025-03-01T00:00:00Z&end_time=2025-03-02T00:00:00Z"
# What is another one each time.
VARYING = {
    r"uiq_[0-9a-z]{12}_[\w-]{43}": "<key>",
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}": "<uuid>",
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[0-9.]*(\+00:00|\+00|Z)": "<time>",
    r"\b[0-9a-f]{32}\b": "<request>",
    r"\b[0-9a-z]{12}\b": "<key id>",
    r"\"id\":\d+": "<entry>",
    r"cursor=[\w%-]+": "cursor=<cursor>",
}
ADD_COLUMNS = """
SELECT format('ALTER TABLE %I ADD COLUMN added_later text DEFAULT ''later''', relname) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
  AND relname <> 'alembic_version'
"""


def last_release(repository: Path = REPOSITORY) -> str | None:
    """Return the last tag of a release before what is checked out; None where the clone has none, or no history."""
    command = ["git", "-C", str(repository), "describe", "--tags", "--abbrev=0", "--match", "v[0-9]*"]
    try:
        found = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return found.stdout.strip() or None


def unpack(repository: Path, tag: str, folder: Path) -> Path:
    """Return the folder, with what the release's functions need in it."""
    command = ["git", "-C", str(repository), "archive", tag, "functions", "sql", "migrations"]
    archive = subprocess.run(command, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        members.extractall(folder, filter="data")
    return folder


class Client:
    """Requests of one round, which touch no rows of another. answers: status and text, without what varies."""

    def __init__(self, api: Api, round_name: str) -> None:
        self._api = api
        self.round = round_name
        self.answers: list[tuple[str, int, str]] = []
        self.operations: set[tuple[str, str]] = set()

    def ask(self, method: str, path: str, caller: str = "service", **more: Any) -> httpx.Response:
        answer = self._api(method, path, caller, **more)
        headers = {name: answer.headers[name] for name in ("etag", "link", "location") if name in answer.headers}
        self.operations.add((method, path.partition("?")[0]))
        text = self._same(json.dumps(headers) + answer.text)
        self.answers.append((self._same(f"{method} {path}"), answer.status_code, text))
        return answer

    def _same(self, text: str) -> str:
        """The text without what is another one in each round."""
        for pattern, name in {re.escape(self.round): "<round>", **VARYING}.items():
            text = re.sub(pattern, name, text)
        return text

    def figures(self, method: str, path: str, caller: str = "service") -> None:
        """What counts what happened: only that it answers is the same."""
        answer = self._api(method, path, caller)
        self.operations.add((method, path))
        keys = sorted(answer.json()) if "json" in answer.headers["content-type"] else []
        self.answers.append((f"{method} {path}", answer.status_code, str(keys)))


def ask_everything(client: Client, functions: Sequence[str]) -> None:
    for name in functions:
        QUESTIONS[name](client)


def _jobs(client: Client) -> None:
    new = {"job_type": client.round, "start_block": 0, "end_block": 100, "created_by": "me"}
    key = {"Idempotency-Key": client.round}
    for _ in range(2):
        job = client.ask("POST", f"{BACKFILL}/start", headers=key, json=new).json()["id"]
    client.ask("POST", f"{BACKFILL}/start", json={**new, "created_by": None})
    for progress in ({"current_block": 7, "progress_percentage": 7}, {"current_block": 101, "progress_percentage": 7}):
        client.ask("POST", f"{BACKFILL}/progress?job_id={job}", json=progress)
    client.ask("GET", f"{BACKFILL}/{job}")
    client.ask("GET", f"{BACKFILL}/status?job_type={client.round}")
    page = client.ask("GET", f"{BACKFILL}/status?job_type={client.round}&limit=1")
    client.ask("GET", _next(page))
    done = {"current_block": 100, "progress_percentage": 100, "status": "completed"}
    for _ in range(2):
        client.ask("POST", f"{BACKFILL}/progress?job_id={job}", json=done)
    client.ask("GET", f"{BACKFILL}/{job}")


def _feedback(client: Client) -> None:
    for insight in (client.round, f"{client.round}-2"):
        spoken = {"insight_id": insight, "user_id": client.round}
        client.ask("POST", f"{FEEDBACK}/rate", json={**spoken, "rating": 4})
        client.ask("POST", f"{FEEDBACK}/comment", json={**spoken, "comment": 'says "no"'})
        client.ask("POST", f"{FEEDBACK}/flag", json={**spoken, "flag_type": "spam", "flag_reason": "ad"})
    client.ask("GET", f"{FEEDBACK}/stats?insight_id={client.round}")
    client.ask("GET", f"{FEEDBACK}/comments?insight_id={client.round}")
    client.ask("GET", f"{FEEDBACK}/user?user_id={client.round}")
    page = client.ask("GET", f"{FEEDBACK}/user?user_id={client.round}&limit=1")
    client.ask("GET", _next(page))
    client.ask("DELETE", f"{FEEDBACK}?insight_id={client.round}&part=flag&user_id={client.round}")
    client.ask("GET", f"{FEEDBACK}/user/export?user_id={client.round}", "operator")
    client.ask("DELETE", f"{FEEDBACK}/user?user_id={client.round}", "operator")


def _metrics(client: Client) -> None:
    metric = {"service_name": client.round, "metric_type": "latency", "unit": "ms", "metric_metadata": {"a": [1, None]}}
    values = [
        {**metric, "metric_value": value, "timestamp": f"2025-03-01T0{value}:00:00Z", "metric_metadata": None}
        for value in range(3)
    ]
    client.ask("POST", METRICS, json={**metric, "metric_value": 0.5, "timestamp": "2025-03-01T12:00:00Z"})
    for _ in range(2):
        client.ask("POST", f"{METRICS}/batch", headers={"Idempotency-Key": client.round}, json=values)
    client.ask("GET", f"{METRICS}?{RANGE}&service_name={client.round}")
    client.ask("GET", f"{METRICS}?{RANGE}&service_name={client.round}&metric_type=latency")
    page = client.ask("GET", f"{METRICS}?{RANGE}&service_name={client.round}&limit=1")
    client.ask("GET", _next(page))
    series = f"service_name={client.round}&metric_type=latency&{RANGE}"
    for interval in ("hour", "day", "week"):
        client.ask("GET", f"{METRICS}/aggregate?{series}&interval={interval}")
    client.ask("GET", f"{METRICS}/aggregate?{series}&interval=day&percentiles=true&compare=previous_week")
    client.figures("POST", f"{METRICS}/sketches", "scheduler:metrics")


def _figures(client: Client) -> None:
    for path in ("pool", "queries", "requests", "cache"):
        client.figures("GET", f"{DATABASE}/{path}")
    client.figures("POST", f"{DATABASE}/publish-metrics", "scheduler:database")
    client.figures("GET", "/metrics")


def _access(client: Client) -> None:
    new = {"name": client.round, "owner": client.round, "scopes": ["metrics:write"]}
    key = client.ask("POST", f"{ACCESS}/keys", "operator", json=new).json()["id"]
    client.ask("POST", f"{ACCESS}/keys", "operator", json=new)
    client.ask("GET", f"{ACCESS}/keys/{key}", "operator")
    successor = client.ask("POST", f"{ACCESS}/keys/rotate?key_id={key}", "operator", json={}).json()["id"]
    client.ask("GET", f"{ACCESS}/keys?owner={client.round}", "operator")
    page = client.ask("GET", f"{ACCESS}/keys?owner={client.round}&limit=1", "operator")
    client.ask("GET", _next(page), "operator")
    client.ask("POST", f"{ACCESS}/keys/revoke?key_id={successor}", "operator")
    client.ask("GET", f"{ACCESS}/audit?subject={key}", "operator")


# What each function is asked, in this order.
QUESTIONS: Mapping[str, Callable[[Client], None]] = {
    "backfill": _jobs,
    "feedback": _feedback,
    "metrics": _metrics,
    "database": _figures,
    "keys": _access,
}


def _next(page: httpx.Response) -> str:
    """The path of the page after it."""
    url = httpx.URL(page.links["next"]["url"])
    return url.raw_path.decode()


def functions_of(repository: Path) -> list[str]:
    """Those that are asked, without such as came after a release."""
    return [name for name in QUESTIONS if (repository / "functions" / name / "main.py").exists()]


@contextmanager
def serving(
    folder: Path, repository: Path, variables: Mapping[str, str], credentials: Mapping[str, Mapping[str, str]]
) -> Iterator[Api]:
    """The functions of that code."""
    functions = {
        name: Function(folder, name, {**variables, "FUNCTION_AUDIENCE": AUDIENCE + name}, repository)
        for name in functions_of(repository)
    }
    with ExitStack() as stack:
        for function in functions.values():
            function.prepare()
            function.spawn()
            stack.callback(function.stop)
        for function in functions.values():
            function.wait_until_ready()
        api = Api(functions, credentials)
        stack.callback(api.close)
        yield api


@pytest.fixture
def credentials(issuer: Issuer) -> Mapping[str, Mapping[str, str]]:
    def google(email: str, audience: str) -> Mapping[str, str]:
        token = issuer.token("https://accounts.google.com", audience, email, email=email, email_verified=True)
        return {"Authorization": f"Bearer {token}"}

    schedulers = {f"scheduler:{name}": google(SCHEDULER, AUDIENCE + name) for name in FUNCTIONS}
    return {"service": {"X-API-Key": key_of("service")}, "operator": google(OPERATOR, OPERATORS), **schedulers}


@pytest.fixture
def environment(variables: Mapping[str, str], tmp_path: Path) -> Iterator[Callable[[str], Mapping[str, str]]]:
    """Of functions on a database, with a Redis of their own."""
    with Valkey(tmp_path / "valkey", password="secret") as valkey:
        yield lambda database: {
            **variables,
            "DB_NAME": database,
            "REDIS_PORT": str(valkey.port),
            "REDIS_HOST": valkey.host,
        }


def add_caller(connection: pg8000.native.Connection) -> None:
    """With the scopes that this version of the schema knows."""
    ((known,),) = connection.run(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'api_keys_scopes_check'"
    )
    connection.run(
        "INSERT INTO api_keys (id, digest, name, owner, scopes, requests_per_hour, batches_per_hour, created_by)"
        " VALUES (:id, :digest, 'service', :project, :scopes, :plenty, :plenty, 'test')",
        id="service00000",
        digest=digest_key(key_of("service").encode()),
        project=PROJECT,
        scopes=[scope for scope in SCOPES if f"'{scope}'" in known],
        plenty=PLENTY,
    )


def compare(api: Api, functions: Sequence[str], migrate: Callable[[], None]) -> Client:
    """What is answered before and after a migration, under the eyes of functions that run."""
    before, after = Client(api, "round-one"), Client(api, "round-two")
    ask_everything(before, functions)
    migrate()
    ask_everything(after, functions)
    assert after.answers == before.answers
    return before


def test_a_column_that_comes_changes_no_answer_of_any_route(
    postgres: Postgres,
    new_database: Callable[[], str],
    environment: Callable[[str], Mapping[str, str]],
    credentials: Mapping[str, Mapping[str, str]],
    tmp_path: Path,
) -> None:
    database = new_database()
    with postgres.connect(database=database) as connection:
        add_caller(connection)
        added: list[str] = []

        def migrate() -> None:
            for (command,) in connection.run(ADD_COLUMNS):
                connection.run(command)
                added.append(command)

        with serving(tmp_path / "today", REPOSITORY, environment(database), credentials) as api:
            asked = compare(api, functions_of(REPOSITORY), migrate)
    assert len(added) > 10
    assert all(status < 500 for _, status, _ in asked.answers)
    assert not {operation for operation in operations() if not is_asked(operation, asked.operations)}


def test_the_last_release_answers_the_same_on_the_newest_schema(
    postgres: Postgres,
    environment: Callable[[str], Mapping[str, str]],
    credentials: Mapping[str, Mapping[str, str]],
    tmp_path: Path,
) -> None:
    tag = last_release()
    if tag is None:
        pytest.skip("this clone has no tag of a release; a column that comes is tested with today's functions")
    release = unpack(REPOSITORY, tag, tmp_path / "release")
    database = "of_the_last_release"
    with postgres.connect() as connection:
        connection.run(f"CREATE DATABASE {database}")
    with postgres.connect(database=database) as connection:
        apply_versions(connection, release)
        add_caller(connection)
        with serving(tmp_path / "logs", release, environment(database), credentials) as api:
            compare(api, functions_of(release), lambda: bring_up_to_date(postgres, database))


def apply_versions(connection: pg8000.native.Connection, release: Path) -> None:
    """The release's schema, from its SQL files: whichever of its modules would have applied them."""
    versions = sorted((release / "migrations/versions").glob("*.up.sql"))
    connection.run("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
    for version in versions:
        connection.execute_simple(version.read_text())
    connection.run("INSERT INTO alembic_version (version_num) VALUES (:version)", version=versions[-1].name[:4])


def bring_up_to_date(postgres: Postgres, database: str) -> None:
    schema.upgrade(database_settings(postgres, database), {})


def operations() -> set[tuple[str, str]]:
    """Of the functions that are asked, as they are documented."""
    document = json.loads((REPOSITORY / "docs/openapi.json").read_text())
    return {
        (method.upper(), path)
        for path, methods in document["paths"].items()
        for method in methods
        if any(path.startswith(prefix) for prefix in PREFIXES)
    }


def is_asked(operation: tuple[str, str], asked: set[tuple[str, str]]) -> bool:
    """Whether a request was the operation's, and not that of one whose path is as it stands."""
    method, path = operation
    pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", path))
    others = {other for _, other in operations()} - {path}
    return any(method == by and pattern.fullmatch(place) and place not in others for by, place in asked)


def test_what_stands_in_the_place_of_a_parameter_is_no_question_to_another_path() -> None:
    one_job = ("GET", f"{BACKFILL}/{{job_id}}")
    assert not is_asked(one_job, {("GET", f"{BACKFILL}/status")})
    assert is_asked(one_job, {("GET", f"{BACKFILL}/7")})
