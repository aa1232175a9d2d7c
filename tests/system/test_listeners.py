"""Whatever a running stack listens on, tried as web pages, foreign names and programs without credentials try it."""

import json
import socket
import ssl
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from tests.system.running import LocalStack

from local_cloud.google.api_callers import OPERATOR
from local_cloud.processes.function_process import PORT
from local_cloud.processes.socket_folders import Sockets

FOREIGN_HOST = {"Host": "rebound.example"}
FOREIGN_ORIGIN = {"Origin": "https://page.example"}
# What asks for credentials of each function that everybody may call; the others ask for some wherever they are called.
CLOSED = {
    "backfill": "/api/v1/monitoring/backfill/status",
    "feedback": "/api/v1/feedback/user?user_id=user-1",
    "metrics": "/api/v1/monitoring/metrics",
    "database": "/metrics",
    "keys": "/api/v1/access/keys",
}
PRIVATE = frozenset({"backup", "console", "keeper", "migrate", "retention"})
STORED = "/storage/v1/b"


def ask(port: int, path: str, headers: dict[str, str], method: str = "GET") -> httpx.Response:
    return httpx.request(method, f"http://127.0.0.1:{port}{path}", headers=headers, timeout=120)


def try_gateway(stack: LocalStack, name: str, port: int) -> None:
    pages = ("/", "/console", "/health", "/openapi.json", "/_local/index.json", "/_local/processes.json", "/runbooks/")
    for path in (*pages, "/docs", "/_local/users/jwks.json", "/_local/control/status"):
        for foreign in (FOREIGN_HOST, FOREIGN_ORIGIN):
            assert ask(port, path, foreign).status_code == 403, (path, foreign)
    assert ask(port, CLOSED["feedback"], FOREIGN_HOST).status_code == 403
    for path in CLOSED.values():
        answer = ask(port, path, FOREIGN_ORIGIN)
        assert (answer.status_code, answer.headers.get("Access-Control-Allow-Origin")) == (401, None), path
    assert ask(port, "/_local/control/status", {}).status_code == 401
    assert ask(port, "/_local/control/jobs/backup/run", {}, "POST").status_code == 401


def try_function(stack: LocalStack, name: str, port: int) -> None:
    function = name.rpartition("-")[2]
    assert function in CLOSED or function in PRIVATE, f"nobody knows what {name} asks credentials for"
    path = CLOSED.get(function, "/health")
    assert ask(port, path, FOREIGN_HOST).status_code == 403
    for headers in ({}, FOREIGN_ORIGIN):
        answer = ask(port, path, headers)
        assert (answer.status_code, answer.headers.get("Access-Control-Allow-Origin")) == (401, None)


def try_google_apis(stack: LocalStack, name: str, port: int) -> None:
    project = stack.description["cloud_sql"]["project"]
    instances, jobs = f"/v1/projects/{project}/instances", f"/v1/projects/{project}/locations/us-central1/jobs"
    endpoint = stack.description["cloud_sql"]["endpoint"]
    operators = endpoint.removeprefix(f"http://127.0.0.1:{port}")
    assert ask(port, operators + instances, {}).status_code == 200
    for foreign in (FOREIGN_HOST, FOREIGN_ORIGIN):
        assert ask(port, operators + instances, foreign).status_code == 403
        assert ask(port, f"{jobs}/utxoiq-local-backup:run", foreign, "POST").status_code == 403
        assert ask(port, "/v2/entries:list", foreign, "POST").status_code == 403
    for nobody in ("", "/as/guessed", f"/as/{OPERATOR}"):
        assert ask(port, nobody + instances, {}).status_code in (403, 404)


def try_storage(stack: LocalStack, name: str, port: int) -> None:
    bucket = stack.description["storage"]["buckets"][0]
    upload = f"/upload{STORED}/{bucket}/o?uploadType=media&name=planted"
    assert ask(port, STORED, {}).status_code == 200
    for foreign in (FOREIGN_HOST, FOREIGN_ORIGIN):
        assert ask(port, STORED, foreign).status_code == 403
        assert ask(port, upload, foreign, "POST").status_code == 403
    assert ask(port, f"{STORED}/{bucket}/o/planted", {}).status_code == 404
    client = storage.Client(
        project="any",
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        client_options={"api_endpoint": f"http://127.0.0.1:{port}"},
    )
    blob = client.bucket(bucket).blob("large")
    content = bytes(9 * 2**20)  # in more than one request, to addresses that the server answers
    blob.upload_from_string(content)
    blob.reload()
    assert blob.download_as_bytes() == content
    blob.delete()


def try_storage_server(stack: LocalStack, name: str, port: int) -> None:
    """It answers in TLS only, with a certificate at which a browser stops before it sends anything."""
    assert ask(port, STORED, {}).status_code == 400
    context = ssl.create_default_context()
    with socket.create_connection(("127.0.0.1", port)) as link, pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(link, server_hostname="127.0.0.1")


def talk(port: int, said: bytes, ending: bool = False) -> bytes:
    """What comes until the server has no more to say. ending: whether it hears that this side has no more, either."""
    with socket.create_connection(("127.0.0.1", port), timeout=120) as link:
        link.sendall(said)
        if ending:
            link.shutdown(socket.SHUT_WR)
        heard = b""
        while part := link.recv(65_536):
            heard += part
        return heard


def form(headers: dict[str, str], line: str = "POST / HTTP/1.1") -> bytes:
    return "\r\n".join([line, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode()


def try_postgres(stack: LocalStack, name: str, port: int) -> None:
    for foreign in (FOREIGN_HOST, FOREIGN_ORIGIN):
        assert talk(port, form(foreign), ending=True) == b""
    startup = b"\0\3\0\0user\0postgres\0database\0postgres\0\0"
    # R, and no 0 for "you are in": it wants proof by SCRAM.
    assert talk(port, (len(startup) + 4).to_bytes(4, "big") + startup, ending=True)[:9].endswith(
        (10).to_bytes(4, "big")
    )


def try_valkey(stack: LocalStack, name: str, port: int) -> None:
    for foreign in (FOREIGN_HOST, FOREIGN_ORIGIN):
        assert not talk(port, form(foreign) + b"SET planted 1\r\n", ending=True).startswith(b"+OK")
    assert talk(port, b"GET planted\r\n", ending=True).startswith(b"-NOAUTH")


TRIALS: dict[str, Callable[[LocalStack, str, int], None]] = {
    "gateway": try_gateway,
    "functions": try_function,
    "google-apis": try_google_apis,
    "storage": try_storage,
    "storage-server": try_storage_server,
    "sql": try_postgres,
    "redis": try_valkey,
}


def listeners(processes: list[psutil.Process]) -> dict[tuple[str, int], str]:
    """The program behind each address that the processes listen on, whatever it is, over IP."""
    found: dict[tuple[str, int], str] = {}
    for process in processes:
        try:
            connections = process.net_connections(kind="inet")
            name = process.name()
        except psutil.NoSuchProcess:
            continue  # a worker of PostgreSQL that has ended meanwhile
        found |= {
            (one.laddr.ip, one.laddr.port): name for one in connections if one.status in (psutil.CONN_LISTEN, "NONE")
        }
    return found


def names_of_ports(stack: LocalStack) -> dict[int, str]:
    allocated = json.loads((stack.state / "state.json").read_text())["ports"]
    return {stack.port: "gateway", **{port: name for name, port in allocated.items()}}


def test_every_listener_refuses_pages_foreign_names_and_strangers(stack: LocalStack) -> None:
    with ThreadPoolExecutor() as threads:
        list(threads.map(lambda name: stack.control("POST", f"processes/{name}/wake"), stack.status()["processes"]))
    names, tried = names_of_ports(stack), set()
    for (address, port), program in listeners(stack.family()).items():
        name = names.get(port)
        kind = (name or "").partition("/")[0]
        # `localhost` is ::1 alone on some machines, and what people write is the gateway's port.
        loopback = ("127.0.0.1", "::1") if kind == "gateway" else ("127.0.0.1",)
        assert address in loopback, f"{program} listens on {address}:{port}, where other machines reach it"
        assert kind in TRIALS, f"{program} listens on port {port} ({name}), and nothing here knows what guards it"
        TRIALS[kind](stack, name or "", port)
        tried.add(kind)
    assert tried == TRIALS.keys()


def loopback_addresses() -> set[str]:
    return {found.address for found in psutil.net_if_addrs().get("lo", [])}


@pytest.mark.skipif("::1" not in loopback_addresses(), reason="this machine has no ::1")
def test_where_localhost_is_ipv6_alone_the_gateway_answers_and_is_as_closed(stack: LocalStack) -> None:
    url = f"http://[::1]:{stack.port}"
    assert httpx.get(f"{url}/health", timeout=120).status_code == 200
    assert httpx.get(f"{url}/", headers={"Host": f"localhost:{stack.port}"}, timeout=120).status_code == 200
    assert httpx.get(f"{url}/health", headers={"Host": "rebound.example"}, timeout=120).status_code == 403


def test_a_listener_that_nobody_knows_is_found(stack: LocalStack) -> None:
    """So that the test above can fail: one of this process's own stands for a part that is new."""
    with socket.create_server(("127.0.0.1", 0)) as added:
        assert added.getsockname() in listeners([psutil.Process()])
        assert added.getsockname()[1] not in names_of_ports(stack)


def test_what_has_no_port_is_its_owners_alone(stack: LocalStack) -> None:
    stack.control("POST", "processes/utxoiq-local-feedback/wake")
    folder = Sockets(stack.state).path("any").parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name for path in folder.iterdir()} >= {"monitoring", f"utxoiq-local-feedback:{PORT}"}


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET http://rebound.example/health HTTP/1.1", {200, 403, 404}),
        ("GET https://127.0.0.1/health HTTP/1.1", {200, 403, 404}),
        ("OPTIONS * HTTP/1.1", {400, 403, 404, 405}),
        ("CONNECT rebound.example:443 HTTP/1.1", {400, 403, 404, 405}),
        ("CONNECT 127.0.0.1:22 HTTP/1.1", {400, 403, 404, 405}),
        ("GET nothing HTTP/1.1", {400}),
        ("GET http:///health HTTP/1.1", {200, 400, 403, 404}),
        ("GET http://127.0.0.1:port/health HTTP/1.1", {200, 400, 403, 404}),
        ("GET http://[::1/health HTTP/1.1", {200, 400, 403, 404}),
        ("GET //rebound.example/health HTTP/1.1", {200, 400, 403, 404}),
        ("GET ftp://127.0.0.1/health HTTP/1.1", {400, 403, 404}),
    ],
)
def test_odd_targets_are_answered_and_never_500(stack: LocalStack, line: str, status: set[int]) -> None:
    for port, name in names_of_ports(stack).items():
        if name in ("gateway", "functions/utxoiq-local-feedback", "google-apis", "storage"):
            target = line.replace("/health", STORED) if name == "storage" else line
            heard = talk(port, form({"Host": f"127.0.0.1:{port}", "Connection": "close"}, target))
            assert int(heard.split(b" ", 2)[1]) in status, (name, heard)
