"""The queries of sql/, by name. `-- name: insert_job` starts one; `:name` is a parameter.

A line that ends in `-- if given` is left out where its parameters are None. So each combination is a statement of its
own, which PostgreSQL plans for what it has to do: `:status IS NULL OR status = :status` would use no index once a
prepared statement's plan is made for any parameters.

`{insight_feedback}` stands for the table's columns as sql/columns.toml lists them, `{insight_feedback live}` for the
same behind the alias `live`. `-- columns: shown` begins a list of the file's own, which its queries have as `{shown}`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pg8000.native import to_statement

from utxoiq_persistence.packaged_folders import find_folder
from utxoiq_persistence.postgres.columns import TABLES

_HEADING = re.compile(r"^-- (name|columns): (\w+)\s*$", re.MULTILINE)
_LIST = re.compile(r"\{([a-z]\w*)(?: (\w+))?\}")
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
    """Return the statements of sql/<table>.sql by name.

    Raises FileNotFoundError where the archive lacks the file, KeyError where a query asks for a list that nobody has.
    """
    parts = _HEADING.split((find_folder("sql") / f"{table}.sql").read_text())[1:]
    sections = list(zip(parts[::3], parts[1::3], (_COMMENT.sub("", text).strip() for text in parts[2::3]), strict=True))
    own = {name: text for kind, name, text in sections if kind == "columns"}
    return {name: _parsed(name, _with_lists(text, own)) for kind, name, text in sections if kind == "name"}


def _with_lists(text: str, own: Mapping[str, str]) -> str:
    def columns(place: re.Match[str]) -> str:
        name, alias = place.groups()
        return own[name] if name in own else TABLES[name].sql(alias)

    return _LIST.sub(columns, text)


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
