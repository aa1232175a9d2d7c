"""One sentence that names the cause."""

import re

import pytest
from tests.unit.console.test_graph import NO_REDIS, OK, shown
from tests.unit.console.test_pages import page, words
from tests.unit.console.world import World, alert, attempt

from utxoiq_console import graph, headline, overview
from utxoiq_console.functions import Health
from utxoiq_console.incidents import Incidents

AWAY = Health("away", {})
NO_DATABASE = Health("unavailable", {"database": "away", "redis": "ok"})
NONE_OPEN = Incidents([], [])


@pytest.mark.parametrize(
    ("health", "sentence"),
    [
        ((OK, OK, OK), "all functions serve, and no incident is open"),
        ((NO_REDIS, NO_REDIS, NO_REDIS), "redis is away: 3 functions serve without it"),
        ((NO_REDIS, OK, OK), "redis is away for some: 1 function serves without it"),
        ((NO_DATABASE, NO_DATABASE, NO_DATABASE), "postgres is away: 3 functions do not serve"),
        ((NO_REDIS, AWAY, NO_REDIS), "redis is away: 2 functions serve without it; backfill does not serve"),
        ((AWAY, OK, OK), "feedback does not serve"),
    ],
)
def test_the_cause_comes_first(health: tuple[Health, ...], sentence: str) -> None:
    of = dict(zip(("feedback", "backfill", "database"), health, strict=True))
    states = graph.compute_states(shown(), of)
    assert headline.write(shown(), of, states, NONE_OPEN)[1] == sentence


def test_what_is_not_known_is_not_called_well() -> None:
    assert headline.write(shown(), {}, {}, None) == ("none", "nothing is known yet")
    states = graph.compute_states(shown(), {"feedback": OK})
    assert headline.write(shown(), {"feedback": OK}, states, None)[1].endswith("incidents are not known")


def test_a_run_that_is_under_way_is_not_called_ok() -> None:
    running = World(attempts=[attempt("publish-metrics", "AttemptStarted", 20)])
    text = words(page("/console/lifecycle", running).text)
    assert re.search(r"publish-metrics what publish-metrics does \* \* \* \* \* under way for [2-5]\d s", text)
    ended = [attempt("publish-metrics", "AttemptFinished", 10), *running.attempts]
    assert "under way" not in words(page("/console/lifecycle", World(attempts=ended)).text)


@pytest.mark.parametrize(
    ("runs", "state"),
    [({"ran"}, "ran"), ({"idle"}, "idle"), ({"ran", "idle"}, "partly"), ({"ran", "idle", "failed"}, "failed")],
)
def test_a_run_of_one_schedule_says_nothing_of_the_others(runs: set[str], state: str) -> None:
    """A watch of backups that runs every minute is no backup."""
    assert overview._sum_up(runs) == state
    assert graph.WORDS[state][0] == {"ran": "good", "failed": "warn"}.get(state, "none")


def test_attempts_of_a_schedule_are_listed() -> None:
    tried = [
        attempt("backup", "AttemptStarted", 5),
        attempt("backup", "AttemptFinished", 60, status="NOT_FOUND", debugInfo="URL_REJECTED"),
        attempt("backup", "AttemptStarted", 61.5),
    ]
    text = words(page("/console/schedules/backup", World(attempts=tried)).text)
    assert re.search(r"failed 1\.[0-5] s", text)  # less where the machine took its time between the two
    assert "URL_REJECTED" in text
    assert re.search(r"under way for [1-5]?\d s", text)
    assert page("/console/schedules/nothing").status_code == 404


def test_figures_of_one_instance_are_marked() -> None:
    assert "one instance only" in words(page("/", World(whole=False)).text)
    assert "one instance only" not in words(page("/", World(whole=True)).text)
    assert "one instance alone" in words(page("/console/charts", World(whole=False)).text)


def test_an_alert_is_part_of_the_sentence() -> None:
    assert "1 open incident" in words(page("/", World(alerts=[alert("uptime")])).text)
