"""The queries of sql/, by name. `-- name: insert_job` starts one; `:name` is a parameter.

A line that ends in `-- if given` is left out where its parameters are None. So each combination is a statement of its
own, which PostgreSQL plans for what it has to do: `:status IS NULL OR status = :status` would use no index once a
prepared statement's plan is made for any parameters.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pg8000.native import to_statement

from utxoiq_persistence.packaged_folders import find_folder

_HEADING = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)
_COMMENT = re.compile(r"^\s*--.*\n?", re.MULTILINE)
_OPTIONAL = re.compile(r"^(.*\S)\s*-- if given$", re.MULTILINE)
_PARAMETER = re.compile(r"(?<!:):(\w+)")


@dataclass(frozen=True, eq=False)
class Statement:
    """A query as PostgreSQL takes it ($1, $2 …), and how its parameters are put in order."""

    name: str
    text: str
    arrange: Callable[[Mapping[str, object]], tuple[object, ...]]

    def fitting(self, parameters: Mapping[str, object]) -> "Statement":
        """The statement without what these parameters leave out."""
        return self


@dataclass(frozen=True, eq=False)
class _Choice(Statement):
    """optional: the parameters that lines depend on."""

    source: str
    optional: frozenset[str]
    variants: dict[frozenset[str], Statement] = field(default_factory=dict)

    def fitting(self, parameters: Mapping[str, object]) -> Statement:
        given = frozenset(name for name in self.optional if parameters.get(name) is not None)
        variant = self.variants.get(given)
        if variant is None:
            variant = self.variants[given] = _statement(self.name, _OPTIONAL.sub(_line_if(given), self.source))
        return variant


def load(table: str) -> dict[str, Statement]:
    """The statements of sql/<table>.sql by name. Raises FileNotFoundError where the archive lacks it."""
    source = (find_folder("sql") / f"{table}.sql").read_text()
    parts = _HEADING.split(source)[1:]
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return {name: _parsed(name, _COMMENT.sub("", text).strip()) for name, text in pairs}


def _parsed(name: str, source: str) -> Statement:
    lines = _OPTIONAL.findall(source)
    if not lines:
        return _statement(name, source)
    whole = _statement(name, _OPTIONAL.sub(r"\1", source))
    optional = frozenset(parameter for line in lines for parameter in _PARAMETER.findall(line))
    return _Choice(name, whole.text, whole.arrange, source, optional)


def _statement(name: str, source: str) -> Statement:
    return Statement(name, *to_statement(source))


def _line_if(given: frozenset[str]) -> Callable[[re.Match[str]], str]:
    return lambda line: line[1] if given.issuperset(_PARAMETER.findall(line[1])) else ""
