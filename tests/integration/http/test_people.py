"""A user's own data: cleared in part, exported and erased, after which no store holds a byte that tells of the user."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
from pyarrow import parquet as pq
from redis import Redis
from tests.integration.conftest import database_settings
from tests.integration.http.conftest import ARCHIVE, AUDIENCE, PROJECT
from tests.integration.http.functions import REPOSITORY, Api, Function
from tests.unit.http.issuer import Issuer

from local_cloud.processes.postgres import Postgres
from local_cloud.processes.postgres_wheel import binaries
from local_cloud.processes.storage import StorageServer
from local_cloud.processes.valkey import Valkey
from utxoiq_persistence.archive.bucket import ArchiveBucket
from utxoiq_persistence.archive.retention import Retention
from utxoiq_persistence.archive.settings import RetentionSettings
from utxoiq_persistence.config import RedisSettings, Settings
from utxoiq_persistence.store import Store

pytestmark = pytest.mark.anyio
FEEDBACK = "/api/v1/feedback"
USERS = f"https://securetoken.google.com/{PROJECT}"
# What must be found nowhere once the user is erased.
USER = "subject-7c1f04e2"
COMMENTS = ["text-of-comment-93ab", "text-of-rating-55d0", "text-by-service-e01c"]
REASON = "text-of-reason-b27e"
MARKS = [USER, *COMMENTS, REASON]
METRIC = {"service_name": USER, "metric_type": "t", "metric_value": 1, "unit": "u", "metric_metadata": {"by": USER}}
# What takes an Idempotency-Key, and what a user might put there.
KEPT_ANSWERS: Mapping[str, object] = {
    "/api/v1/monitoring/backfill/start": {"job_type": "t", "start_block": 0, "end_block": 1, "created_by": USER},
    "/api/v1/monitoring/metrics": METRIC,
    "/api/v1/monitoring/metrics/batch": [METRIC],
}
COLUMNS = """
SELECT format('SELECT count(*) FROM %I.%I AS t WHERE t::text LIKE $1 OR t::text LIKE $2', nspname, relname)
FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace
WHERE relkind IN ('r', 'm') AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
"""
# Whole values, which DUMP would compress.
READERS: dict[bytes, Callable[[Any, bytes], Any]] = {
    b"string": lambda redis, key: redis.get(key),
    b"hash": lambda redis, key: redis.hgetall(key),
    b"set": lambda redis, key: redis.smembers(key),
    b"zset": lambda redis, key: redis.zrange(key, 0, -1),
    b"list": lambda redis, key: redis.lrange(key, 0, -1),
    b"stream": lambda redis, key: redis.xrange(key),
    b"none": lambda *_: None,
}


@pytest.fixture
def sql(postgres: Postgres, api_database: str) -> Iterator[Any]:
    with postgres.connect(database=api_database) as connection:
        yield connection


@pytest.fixture
async def store(
    postgres: Postgres,
    valkey: Valkey,
    api_database: str,
    archive_server: StorageServer,
    monkeypatch: pytest.MonkeyPatch,
    anyio_backend: str,
) -> Any:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", archive_server.url)
    settings = Settings(
        function="test",
        database=database_settings(postgres, api_database),
        redis=RedisSettings(valkey.host, valkey.port, valkey.password),
    )
    async with Store.opened(settings) as store:
        yield store


Holders = Callable[..., dict[str, list[str]]]


@pytest.fixture
def holders(
    sql: Any,
    valkey: Valkey,
    postgres: Postgres,
    api_database: str,
    archive_server: StorageServer,
    functions: dict[str, Function],
) -> Holders:
    """Tells which stores hold each text: by their own queries, and in the bytes of what is copied from them whole."""

    def find(*texts: str) -> dict[str, list[str]]:
        copies = {"dump of the database": _dump(postgres, api_database), "snapshot of redis": _snapshot(valkey)}
        return {text: [*search(text), *(name for name, copy in copies.items() if _is_in(text, copy))] for text in texts}

    def search(text: str) -> list[str]:
        wanted = text.encode()
        shown = {"t": f"%{text}%", "h": f"%{wanted.hex()}%"}  # a bytea is shown in hexadecimal digits
        queries = [query.replace("$1", ":t").replace("$2", ":h") for (query,) in sql.run(COLUMNS)]
        tables = [query for query in queries if sql.run(query, **shown) != [[0]]]
        return [
            *tables,
            *(f"redis {key!r}" for key, content in _entries(valkey) if wanted in key + content),
            *(f"object {name}" for name, content in _objects(archive_server) if wanted in content),
            *(f"log of {one.name}" for one in functions.values() if wanted in one.log.read_bytes()),
            *(["log of postgres"] if wanted in postgres.log.read_bytes() else []),
        ]

    return find


def _is_in(text: str, content: bytes) -> bool:
    return text.encode() in content or text.encode().hex().encode() in content


def _dump(postgres: Postgres, database: str) -> bytes:
    """All schemas, as an export of Cloud SQL has them."""
    command = [f"{binaries()}/pg_dump", f"--host={postgres.socket_dir}", "--username=postgres", database]
    return subprocess.run(command, check=True, capture_output=True).stdout


def _snapshot(valkey: Valkey) -> bytes:
    """What Redis itself would put on its disk, where a value is as it is."""
    with Redis(valkey.host, valkey.port, password=valkey.password) as redis:
        redis.config_set("rdbcompression", "no")
        redis.save()
    return (valkey.folder / "dump.rdb").read_bytes()


def _entries(valkey: Valkey) -> Iterator[tuple[bytes, bytes]]:
    with Redis(valkey.host, valkey.port, password=valkey.password) as redis:
        for key in redis.scan_iter():
            yield key, repr(READERS[redis.type(key)](redis, key)).encode()


def _objects(server: StorageServer) -> Iterator[tuple[str, bytes]]:
    """Also the values of Parquet, which is compressed."""
    for path in server.folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            values = repr(pq.read_table(pa.BufferReader(content)).to_pylist()) if content[:4] == b"PAR1" else ""
            yield str(path), str(path).encode() + content + values.encode()


@pytest.fixture
def as_user(api: Api, issuer: Issuer) -> Callable[..., httpx.Response]:
    token = issuer.token(USERS, PROJECT, USER)

    def send(method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}", **more.pop("headers", {})}
        return api(method, FEEDBACK + path, None, headers=headers, **more)

    return send


async def test_after_an_erasure_no_store_holds_a_byte_of_the_user(
    api: Api, issuer: Issuer, as_user: Callable[..., httpx.Response], sql: Any, store: Store, holders: Holders
) -> None:
    own = {"user_id": USER}
    as_whom = {"Authorization": f"Bearer {issuer.token(USERS, PROJECT, USER)}"}
    sent = [
        as_user("POST", "/rate", json={"insight_id": "people-1", "rating": 5, "comment": COMMENTS[1], **own}),
        as_user(
            "POST",
            "/comment",
            json={"insight_id": "people-2", "comment": COMMENTS[0]},
            headers={"Idempotency-Key": f"{USER}-1"},
        ),
        as_user("POST", "/flag", json={"insight_id": "people-1", "flag_type": "spam", "flag_reason": REASON}),
        api("POST", f"{FEEDBACK}/comment", json={"insight_id": "people-3", "comment": COMMENTS[2], **own}),
        api("POST", f"{FEEDBACK}/rate", json={"insight_id": "people-1", "rating": 1, "user_id": "somebody else"}),
        as_user(
            "POST",
            "/flag",
            json={"insight_id": "people-1", "flag_type": "misleading", "flag_reason": REASON},
            headers={"X-Request-ID": "chosen-by-a-client"},
        ),
        as_user("GET", "/stats", params={"insight_id": "people-1"}),
        as_user("GET", "/comments", params={"insight_id": "people-1"}),
        as_user("GET", "/user", params=own),
        api("GET", f"{FEEDBACK}/user", params=own),
        as_user("GET", "/user/export", params=own),
        as_user("DELETE", "", params={"insight_id": "people-none", **own}),
    ]
    assert [answer.status_code for answer in sent] == [200] * 11 + [204]
    refused = [
        as_user("POST", "/rate", json={"insight_id": "people-1", "rating": 9, "comment": COMMENTS[0]}),
        as_user("POST", "/comment", json={"insight_id": "people-1", "comment": COMMENTS[0] * 90}),
        as_user("POST", "/comment", content=COMMENTS[0]),
        as_user("POST", "/rate", json={"insight_id": "people-1", "rating": 1, "user_id": f"{USER}-not"}),
        api("POST", "/api/v1/monitoring/backfill/start", None, json={**own, "comment": COMMENTS[0]}),
        # Answers are kept for a key where a request creates something that is not a user's; no user may do that.
        *(
            api("POST", path, None, json=body, headers={**as_whom, "Idempotency-Key": f"{USER}-2"})
            for path, body in KEPT_ANSWERS.items()
        ),
    ]
    assert [answer.status_code for answer in refused] == [422, 422, 400, 403, 401, 403, 403, 403]
    # As if this were last month's: the log has a table for each.
    sql.run(
        "UPDATE audit_log SET at = at - interval '40 days' WHERE actor = :actor AND subject = 'people-2'",
        actor=f"user:{USER}",
    )
    sql.run(
        "UPDATE insight_feedback SET updated_at = now() - interval '800 days'"
        " WHERE user_id = :user_id AND insight_id = 'people-2'",
        user_id=USER,
    )
    archive = ArchiveBucket(PROJECT, ARCHIVE)
    retention = Retention(store.database, store.cache, archive, RetentionSettings(PROJECT, ARCHIVE))
    assert (await retention.run("test")).results.feedback.archived == 1
    held = holders(*MARKS)
    assert not any(holder.startswith(("object", "log", "redis", "snapshot")) for mark in MARKS for holder in held[mark])
    assert all("dump of the database" in held[mark] for mark in MARKS if mark != COMMENTS[0])  # encrypted by now

    export = as_user("GET", "/user/export").json()
    assert {row["insight_id"] for row in export["feedback"]} == {"people-1", "people-3"}
    assert [row["comment"] for row in export["archived"]] == [COMMENTS[0]]
    assert {entry["action"] for entry in export["audit"]} == {"feedback.rate", "feedback.comment", "feedback.flag"}
    assert len(export["audit"]) == 5
    assert (export["user_id"], export["missing_objects"]) == (USER, 0)

    erased = as_user("DELETE", "/user")
    assert erased.json() == {
        "database": {"feedback": 2, "audit_entries": 5},
        "archive": {"days": 1, "objects_in_clear": 0},
    }
    assert holders(*MARKS) == {mark: [] for mark in MARKS}

    stats = api("GET", f"{FEEDBACK}/stats", None, params={"insight_id": "people-1"}).json()
    assert (stats["total_ratings"], stats["average_rating"], stats["total_flags"]) == (1, 1.0, 0)
    again = as_user("DELETE", "/user").json()
    assert (again["database"], again["archive"]["days"]) == ({"feedback": 0, "audit_entries": 0}, 0)
    nothing = as_user("GET", "/user/export").json()
    assert (nothing["feedback"], nothing["archived"], nothing["audit"]) == ([], [], [])
    (entry,) = sql.run(
        "SELECT actor, subject, details, address, request_id FROM audit_log WHERE action = 'feedback.erase'"
        " ORDER BY at DESC LIMIT 1"
    )
    counts = {"feedback": 2, "archived_days": 1, "audit_entries": 5}
    assert entry == ["erased", None, counts, None, None]
    # Nor is a line of the log found by an entry any more.
    found = "actor = 'erased' AND (details ? 'own_request_id' OR coalesce(request_id, address) IS NOT NULL)"
    assert sql.run(f"SELECT count(*) FROM audit_log WHERE {found}") == [[0]]  # noqa: S608


# What an erasure may forget, and the words by which it does not.
FORGETTING = {
    "rows": ("live.user_id = erased", "false"),
    "the key of archived rows": ("held.user_id = erased", "false"),
    "who acted, in the audit log": ("THEN 'erased' ELSE entry.actor", "THEN entry.actor ELSE entry.actor"),
    "who was named, in the audit log": ("- 'user_id', '{}'", "- 'nothing', '{}'"),
    "who asked for it": ("THEN 'erased' ELSE asked_by", "THEN asked_by ELSE asked_by"),
}


@pytest.mark.parametrize("store_name", FORGETTING)
async def test_what_an_erasure_forgets_is_found(
    api: Api, issuer: Issuer, sql: Any, store: Store, holders: Holders, store_name: str
) -> None:
    """Each store in turn, or the test above proves nothing of it."""
    user = f"forgotten-{list(FORGETTING).index(store_name)}-4b9d"
    headers = {"Authorization": f"Bearer {issuer.token(USERS, PROJECT, user)}"}
    for insight, caller in (("people-6", None), ("people-7", "service")):
        body = {"insight_id": insight, "comment": "x", "user_id": user}
        own = {} if caller else {"headers": headers}
        assert api("POST", f"{FEEDBACK}/comment", caller, json=body, **own).status_code == 200
    sql.run(
        "UPDATE insight_feedback SET updated_at = now() - interval '801 days'"
        " WHERE user_id = :user AND insight_id = 'people-6'",
        user=user,
    )
    archive = ArchiveBucket(PROJECT, ARCHIVE)
    await Retention(store.database, store.cache, archive, RetentionSettings(PROJECT, ARCHIVE)).run("test")
    ((whole,),) = sql.run("SELECT pg_get_functiondef('person_erase'::regproc)")
    words, others = FORGETTING[store_name]
    assert whole.count(words) == 1
    sql.run(whole.replace(words, others))
    try:
        assert api("DELETE", f"{FEEDBACK}/user", None, headers=headers).status_code == 200
        found = holders(user)[user]
    finally:
        sql.run(whole)
    assert len(found) >= 2  # by a query and in the dump
    assert "dump of the database" in found
    assert api("DELETE", f"{FEEDBACK}/user", None, headers=headers).status_code == 200
    assert holders(user) == {user: []}


# Stores that no request of a user gets to, as they would be if one did: the table, and a row that names the user.
LEAKING = {
    "idempotency_keys": (
        "INSERT INTO idempotency_keys (caller, key, request_hash, answer, expires_at)"
        " VALUES ('leak', 'leak', '', json_build_object('user_id', :user::text)::text, now() + interval '1 day')"
    ),
    "backup_runs": (
        "INSERT INTO backup_runs (id, instance, facts_before, is_export)"
        " VALUES (gen_random_uuid(), 'leak', jsonb_build_object('newest', :user::text), true)"
    ),
}


@pytest.mark.parametrize("table", LEAKING)
def test_a_row_that_no_erasure_looks_for_is_found(
    api: Api, issuer: Issuer, sql: Any, holders: Holders, table: str
) -> None:
    user = f"leaked-{table[0]}-61e8"
    headers = {"Authorization": f"Bearer {issuer.token(USERS, PROJECT, user)}"}
    sql.run(LEAKING[table], user=user)
    try:
        assert api("DELETE", f"{FEEDBACK}/user", None, headers=headers).status_code == 200
        query, dump = holders(user)[user]
    finally:
        sql.run(f"DELETE FROM {table} AS one WHERE one::text LIKE '%leak%'")  # noqa: S608
    assert f"FROM public.{table} " in query
    assert dump == "dump of the database"
    assert holders(user) == {user: []}


@contextmanager
def a_function_that_names_users(
    functions: dict[str, Function], variables: Mapping[str, str], users: Mapping[str, str], folder: Path
) -> Iterator[Function]:
    """The feedback function whose log has a user's id where it should have an alias, among those that are searched."""
    code = folder / "repository/functions"
    code.mkdir(parents=True)
    for package in (REPOSITORY / "functions").iterdir():
        (code / package.name).symlink_to(package)
    (code / "utxoiq_http").unlink()
    shutil.copytree(REPOSITORY / "functions/utxoiq_http", code / "utxoiq_http")
    logs = code / "utxoiq_http/observability/logs.py"
    words = "return hashlib.blake2b(user_id.encode(), key=_ALIAS_KEY, digest_size=6).hexdigest()"
    assert logs.read_text().count(words) == 1
    logs.write_text(logs.read_text().replace(words, "return user_id"))
    own = {"DB_USER": users["feedback"], "FUNCTION_AUDIENCE": AUDIENCE + "feedback"}
    function = Function(folder, "feedback", {**variables, **own}, code.parent)
    function.start()
    functions["feedback that names users"] = function
    try:
        yield function
    finally:
        del functions["feedback that names users"]
        function.stop()


def test_a_log_that_names_the_user_is_found(
    issuer: Issuer,
    functions: dict[str, Function],
    variables: Mapping[str, str],
    users: Mapping[str, str],
    holders: Holders,
    tmp_path: Path,
) -> None:
    user = "logged-0a7d"
    headers = {"Authorization": f"Bearer {issuer.token(USERS, PROJECT, user)}"}
    body = {"insight_id": "people-8", "comment": "x"}
    with a_function_that_names_users(functions, variables, users, tmp_path) as function:
        for method, path, sent in (("POST", "/comment", body), ("DELETE", "/user", None)):
            url = f"{function.url}{FEEDBACK}{path}"
            assert httpx.request(method, url, headers=headers, json=sent, timeout=30).status_code == 200
        assert holders(user) == {user: ["log of feedback"]}


def test_an_administrator_exports_and_erases_whom_it_names_and_services_do_not(api: Api, sql: Any) -> None:
    body = {"insight_id": "people-4", "comment": "said by carol", "user_id": "carol-2d8a"}
    api("POST", f"{FEEDBACK}/comment", json=body)
    named = {"user_id": "carol-2d8a"}
    assert api("GET", f"{FEEDBACK}/user/export", "powerless").status_code == 422
    assert api("GET", f"{FEEDBACK}/user/export", "service", params=named).status_code == 403
    assert api("DELETE", f"{FEEDBACK}/user", "service", params=named).status_code == 403
    assert api("DELETE", f"{FEEDBACK}/user", "user", params=named).status_code == 403
    # A key with the scope admin has no power over feedback but this.
    assert (
        api("GET", f"{FEEDBACK}/user/export", "powerless", params=named).json()["feedback"][0]["comment"]
        == body["comment"]
    )
    assert api("DELETE", f"{FEEDBACK}/user", "powerless", params=named).json()["database"]["feedback"] == 1
    ((actor, details),) = sql.run(
        "SELECT actor, details FROM audit_log WHERE action = 'feedback.erase' AND actor LIKE 'service:%'"
    )
    assert (actor, details["feedback"]) == ("service:powerless", 1)
    assert "carol" not in json.dumps(details)


def test_feedback_is_cleared_part_by_part(api: Api) -> None:
    insight = {"insight_id": "people-5"}
    api("POST", f"{FEEDBACK}/rate", "user", json={**insight, "rating": 4, "comment": "text"})
    api("POST", f"{FEEDBACK}/flag", "user", json={**insight, "flag_type": "spam", "flag_reason": "why"})

    def clear(part: str | None = None, caller: str = "user", **more: str) -> httpx.Response:
        return api("DELETE", FEEDBACK, caller, params={**insight, **({"part": part} if part else {}), **more})

    flagless = clear("flag").json()
    assert (flagless["rating"], flagless["comment"], flagless["flag_type"], flagless["flag_reason"]) == (
        4,
        "text",
        None,
        None,
    )
    stats = api("GET", f"{FEEDBACK}/stats", None, params=insight).json()
    assert (stats["total_ratings"], stats["total_comments"], stats["total_flags"]) == (1, 1, 0)
    assert clear("flag").json() == flagless
    assert clear("everything").status_code == 422
    assert api("DELETE", FEEDBACK, "user").status_code == 422
    assert clear(caller="other", user_id="user-1").status_code == 403
    gone = clear()
    assert (gone.status_code, gone.content) == (204, b"")
    assert api("GET", f"{FEEDBACK}/stats", None, params=insight).json()["total_ratings"] == 0
    assert clear().status_code == 204


@pytest.mark.parametrize("cursor", ["x", "WyJhdWRpdCIsIngiLCJ5IiwwXQ", "WyJmZWVkYmFjayIsbnVsbCxudWxsLDBd"])
def test_a_cursor_that_no_export_gave_out_is_refused(api: Api, cursor: str) -> None:
    answer = api("GET", f"{FEEDBACK}/user/export", "user", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "cursor")
