"""Up, down, twice, killed, failed: what is left behind is the data and nothing else."""

import json
import signal
import socket
from collections.abc import Iterator

import pg8000.native
import psutil
import pytest
from tests.benchmarks import idle
from tests.system.conftest import SmallProject
from tests.system.running import START_SECONDS, LocalStack, alive, listening_ports, until

PROGRAM = """
import pulumi
import pulumi_random as random
from pulumi_gcp import sql, storage

instance = sql.DatabaseInstance("db", name="small-db", database_version="POSTGRES_18", settings={"tier": "any"})
database = sql.Database("db", name="small", instance=instance.name)
password = random.RandomPassword("password", length=20)
sql.User("reader", name="reader", instance=instance.name, password=password.result)
storage.Bucket("bucket", name="small-bucket", location="US-EAST1")
pulumi.export("service_key", password.result)
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The program's stack, as the test before left it."""
    stack = SmallProject(tmp_path_factory.mktemp("shared")).write(PROGRAM)
    try:
        yield stack
    finally:
        stack.end()


@pytest.fixture
def running(shared: LocalStack) -> LocalStack:
    """It is up."""
    return shared if shared.is_up else shared.start()


@pytest.fixture
def stopped(shared: LocalStack) -> LocalStack:
    """It has been up, and is down."""
    if not shared.state.exists():
        shared.start()
    if shared.is_up:
        shared.down()
    return shared


def connect(stack: LocalStack) -> pg8000.native.Connection:
    address = stack.description["postgres"]
    return pg8000.native.Connection(
        address["user"],
        host=address["host"],
        port=address["port"],
        password=address["password"],
        database=address["database"],
    )


def test_started_twice_it_says_that_it_runs(running: LocalStack) -> None:
    again = running.run("up", "--port", str(running.port))
    assert (again.returncode, running.base_url in again.stdout) == (0, True)
    elsewhere = running.run("up", "--port", str(running.port + 1))
    assert (elsewhere.returncode, running.base_url in elsewhere.stderr) == (1, True)
    refused = running.run("clean")
    assert (refused.returncode, "down" in refused.stderr) == (1, True)
    assert running.status()["processes"]["small-db-postgres"]["health"] == "up"


def test_what_it_takes_at_rest_is_told_by_part(running: LocalStack) -> None:
    def write() -> None:
        connection = connect(running)
        connection.run("CREATE TABLE written AS SELECT number FROM generate_series(1, 100000) AS number")
        connection.close()

    rest = idle.measure(running.state, write)
    parts = {"the deployer", "storage", "small-db-postgres"}
    assert rest.parts.keys() == parts
    assert all(part.memory > 0 for part in rest.parts.values())
    assert rest.memory == sum(part.memory for part in rest.parts.values())
    (grown,) = (size for name, size in rest.growth.items() if name.endswith("/small-db/data"))
    assert grown > 2**20
    running.down()
    with pytest.raises(LookupError, match="make up"):
        idle.measure(running.state, write)


def test_a_postmaster_pid_of_a_stranger_keeps_nobody_from_starting(stopped: LocalStack) -> None:
    left = next(stopped.state.rglob("postgresql.conf")).with_name("postmaster.pid")
    left.write_text(f"{psutil.Process().pid}\n{left.parent}\n0\n5432\n\n\n\nready\n")
    stopped.start()
    assert stopped.status()["processes"]["small-db-postgres"]["health"] == "up"


def test_a_deployer_that_is_killed_takes_everything_with_it(running: LocalStack) -> None:
    family = running.family()
    running.process.kill()
    running.process.wait()
    until(lambda: alive(family) == [], START_SECONDS)
    running.start()
    assert running.status()["processes"]["small-db-postgres"]["health"] == "up"


def test_down_right_after_up_was_killed_waits_for_what_still_ends(running: LocalStack) -> None:
    family = running.family()
    slow = running.process_of("small-db-postgres")
    slow.suspend()
    running.process.kill()
    running.process.wait()
    try:
        down = running.begin_run("down")
        assert down.stderr is not None
        assert "small-db-postgres" in down.stderr.readline()
        assert down.poll() is None
    finally:
        slow.resume()
    said, _ = down.communicate(timeout=START_SECONDS)
    assert (down.returncode, said) == (0, "Stopped; the data stay.\n")
    assert alive(family) == []
    assert running.run("down").stdout == "Nothing runs.\n"


@pytest.mark.parametrize(
    ("frozen", "killed"), [([], False), (["small-db-postgres", "storage"], True)], ids=["deployer", "servers too"]
)
def test_down_ends_what_is_frozen(running: LocalStack, frozen: list[str], killed: bool) -> None:
    """A deployer that waits for frozen servers is not done in a second, and so is killed before they are."""
    family = running.family()
    for name in frozen:
        running.process_of(name).suspend()
    psutil.Process(running.process.pid).suspend()
    down = running.run("down", "--seconds", "1" if killed else "60")
    assert (down.returncode, down.stdout) == (0, "Stopped; the data stay.\n")
    assert ("was killed" in down.stderr) is killed
    running.await_end()
    until(lambda: alive(family) == [], START_SECONDS)
    assert running.run("down").stdout == "Nothing runs.\n"


def test_with_json_each_command_answers_in_one_document(stopped: LocalStack) -> None:
    refused = stopped.run("status", "--json")
    assert (refused.returncode, json.loads(refused.stdout)["error"]["code"]) == (3, "not_running")
    stopped.start()
    assert json.loads(stopped.run("status", "--json").stdout)["processes"]["small-db-postgres"]["health"] == "up"
    again = json.loads(stopped.run("up", "--port", str(stopped.port), "--json").stdout)
    assert again == {"base_url": stopped.base_url, "stack_file": str(stopped.state / "stack.json")}
    unknown = stopped.run("run-job", "nothing", "--json")
    assert (unknown.returncode, json.loads(unknown.stdout)["error"]["code"]) == (1, "failed")
    assert json.loads(stopped.run("down", "--json").stdout) == {"stopped": True}
    stopped.await_end()
    assert json.loads(stopped.run("clean", "--json").stdout) == {"removed": str(stopped.state)}


def test_down_leaves_no_process_and_no_port_and_up_again_finds_the_data(running: LocalStack) -> None:
    connection = connect(running)
    connection.run("CREATE TABLE kept AS SELECT 42 AS answer")
    connection.close()
    key = running.description["credentials"]["service_key"]
    family = running.family()
    ports = listening_ports(family)
    assert len(ports) >= 3
    running.down()
    assert alive(family) == []
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    assert not (running.state / "stack.json").exists()

    running.start()
    connection = connect(running)
    assert connection.run("SELECT answer FROM kept") == [[42]]
    connection.close()
    assert running.description["credentials"]["service_key"] == key
    running.down()
    assert running.run("clean").returncode == 0
    assert not running.state.exists()


def test_a_taken_port_is_named_with_what_to_do(small: SmallProject) -> None:
    stack = small.write(PROGRAM)
    with socket.create_server(("127.0.0.1", stack.port)):
        stack.begin()
        assert stack.await_end() == 1
    assert f"port {stack.port} is taken" in stack.output
    assert "PORT=" in stack.output


def test_ctrl_c_while_it_starts_leaves_nothing(small: SmallProject) -> None:
    stack = small.write(PROGRAM + "\nimport time\nfrom pathlib import Path\nPath('begun').touch()\ntime.sleep(60)\n")
    stack.begin()
    until(lambda: (small.folder / "begun").exists() or stack.process.poll() is not None, START_SECONDS)
    family = stack.family()
    stack.process.send_signal(signal.SIGINT)
    assert stack.await_end() == 0
    assert alive(family) == []


@pytest.mark.parametrize(
    ("addition", "message"),
    [
        (
            "from pulumi_gcp import pubsub\npubsub.Topic('news')",
            "gcp:pubsub/topic:Topic (news): the local deployer does not know this type. Give it a handler in "
            "infra/local_cloud/resources/",
        ),
        ("sql.get_ca_certs(instance='small-db')", "gcp:sql/getCaCerts:getCaCerts"),
        ("raise RuntimeError('the program gave up')", "RuntimeError: the program gave up"),
        ("pulumi.log.error('half of it is missing')", "half of it is missing"),
        (
            "sql.User('robot', name='robot@x.iam.gserviceaccount.com', instance=instance.name, "
            "type='CLOUD_IAM_SERVICE_ACCOUNT')",
            "Cloud SQL takes a service account without .gserviceaccount.com",
        ),
        (
            "from pulumi_gcp import cloudscheduler\n"
            "cloudscheduler.Job('job', name='job', schedule='61 * * * *', http_target={'uri': 'http://127.0.0.1'})",
            "the job job: its schedule '61 * * * *' is no cron of five fields",
        ),
        (
            "from pulumi_gcp import cloudfunctionsv2, secretmanager\n"
            "held = secretmanager.Secret('held', secret_id='held', replication={'auto': {}})\n"
            "version = secretmanager.SecretVersion('held', secret=held.id, secret_data='x')\n"
            "cloudfunctionsv2.Function('reader', name='reader', location='us-central1',\n"
            "    build_config={'entry_point': 'f', 'source': {'storage_source': {'bucket': 'b', 'object': 'o'}}},\n"
            "    service_config={'service_account_email': 'robot@x', 'secret_environment_variables': [\n"
            "        {'key': 'K', 'project_id': 'p', 'secret': 'held', 'version': version.version}]})",
            "robot@x may not read the secret held: it lacks roles/secretmanager.secretAccessor",
        ),
    ],
    ids=["unknown type", "unknown function", "exception", "logged error", "bad user", "bad cron", "unreadable secret"],
)
def test_what_cannot_be_deployed_stops_by_name_and_leaves_nothing(
    small: SmallProject, addition: str, message: str
) -> None:
    stack = small.write(PROGRAM + addition + "\n")
    stack.begin()
    assert stack.await_end() == 1
    assert message in stack.output
    assert not (stack.state / "stack.json").exists()
    assert [
        process for process in psutil.process_iter(["cmdline"]) if str(stack.state) in str(process.info["cmdline"])
    ] == []
