"""A process that dies is seen, said and started again, and nothing that was acknowledged is lost."""

import threading
import uuid
from contextlib import suppress

import httpx
import pg8000.native
import psutil
from tests.system.running import START_SECONDS, LocalStack, until

FEEDBACK = "/api/v1/feedback"
POSTGRES, FUNCTION = "utxoiq-local-postgres", "utxoiq-local-feedback"


def test_a_function_that_was_killed_serves_again(stack: LocalStack, client: httpx.Client) -> None:
    restarts = stack.status()["processes"][FUNCTION]["restarts"]
    stats = {"insight_id": "any"}

    def refusal() -> httpx.Response | None:
        """None where the function was up again before it was asked, or has not been up yet."""
        with suppress(psutil.NoSuchProcess):
            stack.process_of(FUNCTION).kill()
        answer = client.get(f"{FEEDBACK}/stats", params=stats)
        return answer if answer.status_code != 200 else None

    down = until(refusal, START_SECONDS)
    assert down is not None
    assert (down.status_code, "Retry-After" in down.headers) == (503, True)
    stack.await_up(FUNCTION, restarts + 1)
    assert client.get(f"{FEEDBACK}/stats", params=stats).status_code == 200
    assert f"{FUNCTION} ended (killed by SIGKILL); starting it again" in stack.output


def test_no_acknowledged_write_is_lost_when_postgresql_is_killed(
    stack: LocalStack, client: httpx.Client, service: dict[str, str]
) -> None:
    insight = f"insight-{uuid.uuid4().hex[:8]}"
    acknowledged: list[str] = []
    statuses: set[int] = set()
    stop = threading.Event()

    def write() -> None:
        with httpx.Client(base_url=stack.base_url, timeout=120, headers=service) as writer:
            while not stop.is_set():
                name = uuid.uuid4().hex
                answer = writer.post(f"{FEEDBACK}/rate", json={"insight_id": insight, "rating": 3, "user_id": name})
                statuses.add(answer.status_code)
                if answer.status_code == 200:
                    acknowledged.append(name)

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    try:
        until(lambda: len(acknowledged) > 50, START_SECONDS)
        restarts = stack.status()["processes"][POSTGRES]["restarts"]
        stack.process_of(POSTGRES).kill()
        stack.await_up(POSTGRES, restarts + 1)
        before = len(acknowledged)
        until(lambda: len(acknowledged) > before + 50, START_SECONDS)
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert statuses <= {200, 503}
    assert set(acknowledged) <= _raters(stack, insight)


def _raters(stack: LocalStack, insight: str) -> set[str]:
    """Past every cache: from the table itself."""
    address = stack.description["postgres"]
    connection = pg8000.native.Connection(
        address["user"],
        host=address["host"],
        port=address["port"],
        password=address["password"],
        database=address["database"],
    )
    try:
        rows = connection.run("SELECT user_id FROM insight_feedback WHERE insight_id = :insight", insight=insight)
        return {str(row[0]) for row in rows or ()}
    finally:
        connection.close()
