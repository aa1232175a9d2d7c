"""Reads the queries of sql/ by name. `-- name: insert_job` starts a query; `:name` is a parameter.

A line that ends in `-- if given` is left out where its parameters are None. Each combination of parameters is therefore
a statement of its own, for which PostgreSQL makes a plan of its own. `:status IS NULL OR status = :status` would use no
index once PostgreSQL plans a prepared statement for any parameters.

`{insight_feedback}` stands for the table's columns as sql/columns.toml lists them, `{insight_feedback live}` for the
same with the alias `live`; `{metric_points}` are those columns of system_metrics that a point has, not its series.
`-- columns: shown` starts a list of the file's own, and `-- part: newest` the part of a query that several of its
queries share; they insert those as `{shown}` and `{newest}`.
`{time created_at}` is a time as answers spell it, `{digits created_at}` the same without its zone, and
`{answer insight_feedback live}` a row of the table's columns of what is called `live`, with its times spelled that way.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pg8000.native import literal, to_statement

from utxoiq_persistence.packaged_folders import find_folder
from utxoiq_persistence.postgres.columns import POINTS, TABLES, spelled_time

_HEADING = re.compile(r"^-- (name|columns|part): (\w+)\s*$", re.MULTILINE)
_LIST = re.compile(r"\{([a-z]\w*)(?: (\w+))?\}")
_ANSWER = re.compile(r"\{answer (\w+) (\w+)\}")
_TIME = re.compile(r"\{(time|digits) ([^{}]+)\}")
_COMMENT = re.compile(r"^\s*--.*\n?", re.MULTILINE)
_OPTIONAL = re.compile(r"^(.*\S)\s*-- if given$", re.MULTILINE)
_LISTED = {**TABLES, POINTS.name: POINTS}
_PLACE = re.compile(r"\$(\d+)")
_PARAMETER = re.compile(r"(?<!:):(\w+)")


@dataclass(frozen=True, eq=False)
class Statement:
    """Holds a query as PostgreSQL accepts it.

    Attributes:
        name: The query's name, which metrics and traces use as well.
        text: The SQL, whose parameters are $1, $2 and so on.
        arrange: Puts parameters that are given by name in the order of their numbers.
    """

    name: str
    text: str
    arrange: Callable[[Mapping[str, object]], tuple[object, ...]]

    def fitting(self, parameters: Mapping[str, object]) -> "Statement":
        """Return the statement without the lines whose parameters are None."""
        return self

    def inline(self, **parameters: object) -> str:
        """Return the SQL with its parameters (times, uuids, numbers, texts) as literals: COPY takes no parameters."""
        fitting = self.fitting(parameters)
        values = fitting.arrange(parameters)
        return _PLACE.sub(lambda place: literal(values[int(place[1]) - 1]), fitting.text)


@dataclass(frozen=True, eq=False)
class _OptionalLines(Statement):
    """Holds a query with optional lines. `optional` are the parameters that they depend on."""

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

    Raises:
        FileNotFoundError: The function's archive lacks the file.
        KeyError: A query names a list of columns or a part that does not exist.
    """
    parts = _HEADING.split((find_folder("sql") / f"{table}.sql").read_text())[1:]
    sections = list(zip(parts[::3], parts[1::3], (_COMMENT.sub("", text).strip() for text in parts[2::3]), strict=True))
    own = {name: _insert_lists(text, {}) for kind, name, text in sections if kind != "name"}
    return {name: _parse(name, _insert_lists(text, own)) for kind, name, text in sections if kind == "name"}


def _insert_lists(text: str, own: Mapping[str, str]) -> str:
    def columns(place: re.Match[str]) -> str:
        name, alias = place.groups()
        return own[name] if name in own else _LISTED[name].sql(alias)

    def answer(place: re.Match[str]) -> str:
        name, alias = place.groups()
        return f"(SELECT answer FROM (SELECT {TABLES[name].answer_sql(alias)}) AS answer)"  # noqa: S608 - of sql/ alone

    text = _TIME.sub(lambda place: spelled_time(place[2], zone=place[1] == "time"), text)
    return _LIST.sub(columns, _ANSWER.sub(answer, text))


def _parse(name: str, source: str) -> Statement:
    lines = _OPTIONAL.findall(source)
    if not lines:
        return _statement(name, source)
    whole = _statement(name, _OPTIONAL.sub(r"\1", source))
    optional = frozenset(parameter for line in lines for parameter in _PARAMETER.findall(line))
    return _OptionalLines(name, whole.text, whole.arrange, source, optional)


def _statement(name: str, source: str) -> Statement:
    return Statement(name, *to_statement(source))


def _line_if(given: frozenset[str]) -> Callable[[re.Match[str]], str]:
    return lambda line: line[1] if given.issuperset(_PARAMETER.findall(line[1])) else ""
