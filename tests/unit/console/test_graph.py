"""What runs, and what it stands on."""

import pytest
from tests.unit.console.world import World

from utxoiq_console import graph, resources
from utxoiq_console.functions import Health
from utxoiq_console.resources import Resources
from utxoiq_persistence.errors import ConfigurationError

OK = Health("ok", {"database": "ok", "redis": "ok"})
NO_REDIS = Health("degraded", {"database": "ok", "redis": "away"})


def shown() -> Resources:
    return resources.read(World().environment()["RESOURCES"])


@pytest.mark.parametrize(
    ("health", "redis"),
    [
        ({"feedback": OK, "database": OK}, "ok"),
        ({"feedback": NO_REDIS, "database": OK}, "degraded"),
        ({"feedback": NO_REDIS, "database": NO_REDIS}, "away"),
    ],
)
def test_a_part_is_as_all_that_use_it_say(health: dict[str, Health], redis: str) -> None:
    states = graph.compute_states(shown(), health)
    assert (states["postgres"], states["redis"]) == ("ok", redis)


def test_nothing_is_said_of_what_nobody_tells() -> None:
    assert "redis" not in graph.compute_states(shown(), {"migrate": Health("closed", {})})


def test_every_use_is_a_line_to_the_next_column() -> None:
    columns = graph.lay_out(shown(), {}, {})
    ends = {edge.ends for column in columns for edge in column.edges}
    assert {("clients", "feedback"), ("scheduler", "database"), ("feedback", "redis"), ("migrate", "postgres")} <= ends
    assert columns[-1].edges == []


def test_lines_show_where_it_is_bad() -> None:
    columns = graph.lay_out(shown(), {"redis": "away"}, {})
    marks = {edge.ends: edge.mark for column in columns for edge in column.edges}
    assert marks["feedback", "redis"] == "bad"
    assert marks["feedback", "postgres"] == "none"


def test_lines_are_also_told_in_words() -> None:
    (node,) = (one for column in graph.lay_out(shown(), {}, {}) for one in column.nodes if one.resource.id == "migrate")
    assert node.uses == ["postgres"]


def test_paths_lead_to_the_function_whose_they_are() -> None:
    found = shown()
    assert [one.id if (one := found.routed(path)) else None for path in ("/metrics", "/api/v1/feedback/x", "/x")] == [
        "database",
        "feedback",
        None,
    ]


def test_resources_that_cannot_be_read_stop_the_start() -> None:
    with pytest.raises(ConfigurationError, match="RESOURCES"):
        resources.read('[{"id": "x"}]')
