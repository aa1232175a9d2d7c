"""Jobs fire by the clock and on demand."""

from datetime import datetime

import httpx
from tests.system.running import START_SECONDS, LocalStack, until
from tests.system.watched import Repeating

JOB = "utxoiq-local-publish-metrics"


def test_a_job_fires_by_the_clock(stack: LocalStack) -> None:
    def fired() -> bool:
        run = stack.status()["jobs"][JOB]
        return bool(run and run["succeeded"] and datetime.fromisoformat(run["at"]).second == 0)

    until(fired, START_SECONDS)  # a minute later, where a busy machine let it fire late


def test_a_job_fires_on_demand(stack: LocalStack) -> None:
    done = stack.run("run-job", "publish-metrics")
    assert done.returncode == 0, done.stderr
    assert f"{JOB}: succeeded, 200" in done.stdout
    assert '"status":"success"' in done.stdout.replace(" ", "")


def test_an_unknown_job_is_answered_with_the_known_ones(stack: LocalStack) -> None:
    done = stack.run("run-job", "publish")
    assert done.returncode == 1
    assert JOB in done.stderr


def test_a_job_that_fails_is_a_failed_command(stack: LocalStack, client: httpx.Client) -> None:
    name = "utxoiq-local-database"
    restarts = stack.status()["processes"][name]["restarts"]
    # Its next process, too, which may serve before the command has started.
    with Repeating(lambda: stack.process_of(name).kill(), 0.02):
        until(lambda: stack.status()["processes"][name]["health"] != "up", START_SECONDS)
        done = stack.run("run-job", JOB)
    stack.await_up(name, restarts + 1)
    assert (done.returncode, "failed, 503" in done.stdout) == (1, True)
