"""When jobs fire, and how long they wait before they are tried again."""

from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import aiohttp
import pytest

from local_cloud.google.issuer import Issuers
from local_cloud.google.scheduler.scheduler import JobSpec, Retries, Scheduler
from local_cloud.state import State


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "zone", "after", "following"),
    [
        ("* * * * *", "Etc/UTC", "2026-01-01 10:00:30", "2026-01-01 10:01"),
        ("0 3 * * *", "America/New_York", "2026-01-01 07:59", "2026-01-01 08:00"),
        # The night before, the clock went forward.
        ("30 3 * * *", "Europe/Berlin", "2026-03-28 03:00", "2026-03-29 01:30"),
    ],
)
def test_a_job_is_due_in_its_own_time_zone(cron: str, zone: str, after: str, following: str) -> None:
    spec = JobSpec("job", cron, zone, "http://127.0.0.1/")
    assert spec.next_run(at(after)) == at(following)


def test_waits_double_and_then_grow_evenly() -> None:
    retries = Retries(count=9, first_wait=10, longest_wait=300, doublings=3)
    assert [retries.wait(attempt) for attempt in range(1, 9)] == [10, 20, 40, 80, 160, 240, 300, 300]


def test_a_job_is_found_by_the_end_of_its_name(tmp_path: Path) -> None:
    state = State(tmp_path)
    scheduler = Scheduler(Issuers(state, "http://127.0.0.1"), cast(aiohttp.ClientSession, None), print)
    for name in (
        "shop-local-publish-metrics",
        "shop-local-archive",
        "shop-dev-archive",
        "shop-local-backup",
        "shop-local-verify-backup",
    ):
        scheduler.add(JobSpec(name, "* * * * *", "Etc/UTC", "http://127.0.0.1/"))
    found = scheduler.find("publish-metrics")
    assert found is not None
    assert found.spec.name == "shop-local-publish-metrics"
    assert scheduler.find("backup") is scheduler.jobs["shop-local-backup"]
    assert scheduler.find("archive") is None  # two of them
    assert scheduler.find("metrics-") is None
    assert scheduler.find("") is None
