"""Up, down, twice, killed, failed: what is left behind is the data and nothing else."""

import json
import signal
import socket

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


def connect(stack: LocalStack) -> pg8000.native.Connection:
    address = stack.description["postgres"]
    return pg8000.native.Connection(
        address["user"],
        host=address["host"],
        port=address["port"],
        password=address["password"],
        database=address["database"],
    )


def test_down_leaves_no_process_and_no_port_and_up_again_finds_the_data(small: SmallProject) -> None:
    stack = small.write(PROGRAM).start()
    connection = connect(stack)
    connection.run("CREATE TABLE kept AS SELECT 42 AS answer")
    connection.close()
    key = stack.description["credentials"]["service_key"]
    family = stack.family()
    ports = listening_ports(family)
    assert len(ports) >= 3
    stack.down()
    assert alive(family) == []
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    assert not (stack.state / "stack.json").exists()

    stack.start()
    connection = connect(stack)
    assert connection.run("SELECT answer FROM kept") == [[42]]
    connection.close()
    assert stack.description["credentials"]["service_key"] == key
    stack.down()
    assert stack.run("clean").returncode == 0
    assert not stack.state.exists()


def test_what_it_takes_at_rest_is_told_by_part(small: SmallProject) -> None:
    stack = small.write(PROGRAM).start()

    def write() -> None:
        connection = connect(stack)
        connection.run("CREATE TABLE written AS SELECT number FROM generate_series(1, 100000) AS number")
        connection.close()

    rest = idle.measure(stack.state, write)
    parts = {"the deployer", "storage", "small-db-postgres"}
    assert rest.parts.keys() == parts
    assert all(part.memory > 0 for part in rest.parts.values())
    assert rest.memory == sum(part.memory for part in rest.parts.values())
    (grown,) = (size for name, size in rest.growth.items() if name.endswith("/small-db/data"))
    assert grown > 2**20
    stack.down()
    with pytest.raises(LookupError, match="make up"):
        idle.measure(stack.state, write)


def test_started_twice_it_says_that_it_runs(small: SmallProject) -> None:
    stack = small.write(PROGRAM).start()
    again = stack.run("up", "--port", str(stack.port))
    assert (again.returncode, stack.base_url in again.stdout) == (0, True)
    elsewhere = stack.run("up", "--port", str(stack.port + 1))
    assert (elsewhere.returncode, stack.base_url in elsewhere.stderr) == (1, True)
    refused = stack.run("clean")
    assert (refused.returncode, "down" in refused.stderr) == (1, True)
    assert stack.status()["processes"]["small-db-postgres"]["health"] == "up"


def test_a_taken_port_is_named_with_what_to_do(small: SmallProject) -> None:
    stack = small.write(PROGRAM)
    with socket.create_server(("127.0.0.1", stack.port)):
        stack.begin()
        assert stack.await_end() == 1
    assert f"port {stack.port} is taken" in stack.output
    assert "PORT=" in stack.output


def test_a_deployer_that_is_killed_takes_everything_with_it(small: SmallProject) -> None:
    stack = small.write(PROGRAM).start()
    family = stack.family()
    stack.process.kill()
    stack.process.wait()
    until(lambda: alive(family) == [], START_SECONDS)
    stack.start()
    assert stack.status()["processes"]["small-db-postgres"]["health"] == "up"


def test_down_right_after_up_was_killed_waits_for_what_still_ends(small: SmallProject) -> None:
    stack = small.write(PROGRAM).start()
    family = stack.family()
    slow = stack.process_of("small-db-postgres")
    slow.suspend()
    stack.process.kill()
    stack.process.wait()
    try:
        down = stack.begin_run("down")
        assert down.stderr is not None
        assert "small-db-postgres" in down.stderr.readline()
        assert down.poll() is None
    finally:
        slow.resume()
    said, _ = down.communicate(timeout=START_SECONDS)
    assert (down.returncode, said) == (0, "Stopped; the data stay.\n")
    assert alive(family) == []
    assert stack.run("down").stdout == "Nothing runs.\n"


@pytest.mark.parametrize(
    ("frozen", "killed"), [([], False), (["small-db-postgres", "storage"], True)], ids=["deployer", "servers too"]
)
def test_down_ends_what_is_frozen(small: SmallProject, frozen: list[str], killed: bool) -> None:
    """A deployer that waits for frozen servers is not done in a second, and so is killed before they are."""
    stack = small.write(PROGRAM).start()
    family = stack.family()
    for name in frozen:
        stack.process_of(name).suspend()
    psutil.Process(stack.process.pid).suspend()
    down = stack.run("down", "--seconds", "1" if killed else "60")
    assert (down.returncode, down.stdout) == (0, "Stopped; the data stay.\n")
    assert ("was killed" in down.stderr) is killed
    stack.await_end()
    until(lambda: alive(family) == [], START_SECONDS)
    assert stack.run("down").stdout == "Nothing runs.\n"


def test_with_json_each_command_answers_in_one_document(small: SmallProject) -> None:
    stack = small.write(PROGRAM)
    refused = stack.run("status", "--json")
    assert (refused.returncode, json.loads(refused.stdout)["error"]["code"]) == (3, "not_running")
    stack.start()
    assert json.loads(stack.run("status", "--json").stdout)["processes"]["small-db-postgres"]["health"] == "up"
    again = json.loads(stack.run("up", "--port", str(stack.port), "--json").stdout)
    assert again == {"base_url": stack.base_url, "stack_file": str(stack.state / "stack.json")}
    unknown = stack.run("run-job", "nothing", "--json")
    assert (unknown.returncode, json.loads(unknown.stdout)["error"]["code"]) == (1, "failed")
    assert json.loads(stack.run("down", "--json").stdout) == {"stopped": True}
    stack.await_end()
    assert json.loads(stack.run("clean", "--json").stdout) == {"removed": str(stack.state)}


def test_a_postmaster_pid_of_a_stranger_keeps_nobody_from_starting(small: SmallProject) -> None:
    stack = small.write(PROGRAM).start()
    stack.down()
    left = next(stack.state.rglob("postgresql.conf")).with_name("postmaster.pid")
    left.write_text(f"{psutil.Process().pid}\n{left.parent}\n0\n5432\n\n\n\nready\n")
    stack.start()
    assert stack.status()["processes"]["small-db-postgres"]["health"] == "up"


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
        ("import pulumi_gcp\npulumi_gcp.compute.get_zones()", "gcp:compute/getZones:getZones"),
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
