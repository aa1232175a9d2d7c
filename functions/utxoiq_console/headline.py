"""The one sentence that says how the whole system is: the cause first, then what it brings about."""

from collections.abc import Mapping, Sequence

from utxoiq_console.functions import Health
from utxoiq_console.graph import PARTS, WORDS, Mark
from utxoiq_console.incidents import Incidents
from utxoiq_console.resources import Resource, Resources


def write(
    resources: Resources, health: Mapping[str, Health], states: Mapping[str, str], incidents: Incidents | None
) -> tuple[Mark, str]:
    """Return the sentence, and its mark. `states` are by the resources' ids; `incidents` None if they are not known."""
    functions = [one for one in resources.functions if one.id in states]
    bad, weak = ([one for one in functions if WORDS[states[one.id]][0] == mark] for mark in ("bad", "warn"))
    causes = _causes(resources, states)
    explained = {one.id for one in (*bad, *weak) if _is_explained(health.get(one.id), causes)}
    hit = [one for one in (*bad, *weak) if one.id in explained]
    serve = not any(one in bad for one in hit)
    sentences = [_cause(one, states[one.id], len(hit), serve=serve) for one in causes]
    sentences += _others([one for one in bad if one.id not in explained], "does not serve", "do not serve")
    sentences += _others([one for one in weak if one.id not in explained], "is degraded", "are degraded")
    open_ = incidents.open if incidents else []
    if open_:
        sentences.append(f"{len(open_)} open {'incident' if len(open_) == 1 else 'incidents'}")
    if bad or any(one.severity == "critical" for one in open_):
        return "bad", "; ".join(sentences)
    if sentences:
        return "warn", "; ".join(sentences)
    if not any(WORDS[state][0] == "good" for state in states.values()):
        return "none", "nothing is known yet"
    if incidents is None:
        return "good", "all functions that can be asked serve; incidents are not known"
    return "good", "all functions serve, and no incident is open"


def _causes(resources: Resources, states: Mapping[str, str]) -> list[Resource]:
    """Return the databases and caches that some function does not reach."""
    return [one for one in resources.with_kind("database", "cache") if states.get(one.id) in ("away", "degraded")]


def _is_explained(health: Health | None, causes: Sequence[Resource]) -> bool:
    """Return whether all that a function lacks is what the causes are."""
    lacking = {part for part, state in health.parts.items() if state != "ok"} if health else set()
    return bool(lacking) and lacking <= {PARTS[one.kind] for one in causes}


def _cause(cause: Resource, state: str, count: int, *, serve: bool) -> str:
    """Return what is away, and how many functions that hits; `serve` says whether those still serve."""
    what = f"{cause.title} is away" if state == "away" else f"{cause.title} is away for some"
    if not count:
        return what
    if count == 1:
        return f"{what}: 1 function {'serves without it' if serve else 'does not serve'}"
    return f"{what}: {count} functions {'serve without it' if serve else 'do not serve'}"


def _others(functions: Sequence[Resource], one: str, several: str) -> list[str]:
    names = ", ".join(function.id for function in functions)
    return [f"{names} {one if len(functions) == 1 else several}"] if functions else []
