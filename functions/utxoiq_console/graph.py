"""The resource graph: three columns, from callers to stores, and the edges between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from utxoiq_console.functions import Health
from utxoiq_console.resources import Kind, Resource, Resources

COLUMNS: tuple[tuple[str, tuple[Kind, ...]], ...] = (
    ("Who calls", ("entry", "scheduler")),
    ("Functions", ("function",)),
    ("What they stand on", ("database", "cache", "bucket", "service")),
)
KINDS: Mapping[Kind, str] = {
    "entry": "entry",
    "scheduler": "scheduler",
    "function": "function",
    "database": "database",
    "cache": "cache",
    "bucket": "bucket",
    "service": "Google API",
}
SIZE = 100.0
# The names of these resources in the functions' health.
PARTS: Mapping[Kind, str] = {"database": "database", "cache": "redis"}

Mark = Literal["good", "warn", "bad", "none"]


@dataclass(frozen=True)
class Node:
    """Describes a resource in the graph.

    `mark` classifies its state. `where` is the process, address or region that it runs at. `uses` has the titles of
    what it uses.
    """

    resource: Resource
    kind: str
    mark: Mark
    state: str
    where: Sequence[str]
    uses: Sequence[str]


@dataclass(frozen=True)
class Edge:
    """Has the SVG path between two resources. `ends` are their ids."""

    path: str
    mark: Mark
    ends: tuple[str, str]


@dataclass(frozen=True)
class Column:
    """Has the resources of a column, and the edges to the next column, in a square of SIZE."""

    title: str
    nodes: Sequence[Node]
    edges: Sequence[Edge]


WORDS: Mapping[str, tuple[Mark, str]] = {
    "ok": ("good", "ok"),
    "degraded": ("warn", "degraded"),
    "unavailable": ("bad", "unavailable"),
    "away": ("bad", "away"),
    "closed": ("none", "private"),
    # Nobody can ask these; the last runs of their schedules tell.
    "ran": ("good", "last runs ok"),
    "failed": ("warn", "last run failed"),
    "partly": ("none", "not all schedules ran yet"),
    "idle": ("none", "no scheduled run yet"),
    "": ("none", ""),
}


def lay_out(resources: Resources, states: Mapping[str, str], where: Mapping[str, Sequence[str]]) -> list[Column]:
    """Return the columns of the graph. `states` and `where` are by the resources' ids."""
    names = {one.id: one.title for one in resources.all}
    columns = [[one for one in resources.all if one.kind in kinds] for _, kinds in COLUMNS]
    laid = []
    for index, (title, _) in enumerate(COLUMNS):
        following = columns[index + 1] if index + 1 < len(columns) else []
        nodes = [_node(one, states.get(one.id, ""), where.get(one.id, ()), names) for one in columns[index]]
        laid.append(Column(title, nodes, _edges(columns[index], following, states)))
    return laid


def compute_states(resources: Resources, health: Mapping[str, Health]) -> dict[str, str]:
    """Return the states of functions and of the resources that their health reports on, by id.

    A resource is `degraded` if only some of the functions report it away.
    """
    states: dict[str, str] = {name: one.state for name, one in health.items()}
    for kind, part in PARTS.items():
        told = [one.parts[part] for one in health.values() if part in one.parts]
        for resource in resources.with_kind(kind):
            if told:
                states[resource.id] = "ok" if "away" not in told else "away" if "ok" not in told else "degraded"
    return states


def _node(resource: Resource, state: str, where: Sequence[str], names: Mapping[str, str]) -> Node:
    mark, word = WORDS[state]
    return Node(
        resource, KINDS[resource.kind], mark, word, where, [names[one] for one in resource.uses if one in names]
    )


def _edges(froms: Sequence[Resource], tos: Sequence[Resource], states: Mapping[str, str]) -> list[Edge]:
    place = {one.id: _middle(index, len(tos)) for index, one in enumerate(tos)}
    return [
        Edge(
            f"M0 {start:.2f}C{SIZE / 2} {start:.2f} {SIZE / 2} {place[used]:.2f} {SIZE} {place[used]:.2f}",
            _worse(states.get(one.id, ""), states.get(used, "")),
            (one.id, used),
        )
        for index, one in enumerate(froms)
        for start in [_middle(index, len(froms))]
        for used in one.uses
        if used in place
    ]


def _worse(first: str, second: str) -> Mark:
    marks: tuple[Mark, ...] = ("bad", "warn")
    found = {WORDS[first][0], WORDS[second][0]}
    return next((mark for mark in marks if mark in found), "none")


def _middle(index: int, count: int) -> float:
    return SIZE * (index + 0.5) / count
