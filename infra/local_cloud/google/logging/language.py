"""The Logging query language: what a filter compares, looks for anywhere, and asks of a log's name."""

from local_cloud.google.filters.errors import BadFilter
from local_cloud.google.filters.parsing import Dialect
from local_cloud.google.filters.parsing import parse as parse_filter
from local_cloud.google.filters.tree import All, AnyOf, Call, Node, Not

PATTERNS = frozenset({"=~", "!~"})
LOG_ID = "log_id"


def parse(text: str) -> Node:
    """Return a filter's tree, all of whose calls are of log_id(). Raises BadFilter."""
    node = parse_filter(text, Dialect.LOGGING)
    _check_calls(node)
    return node


def log_id(call: Call) -> str:
    """Return the id of the log that a filter asks for by its name."""
    (argument,) = call.arguments
    return argument.name if isinstance(argument, Call) else argument.text


def _check_calls(node: Node) -> None:
    match node:
        case All(parts) | AnyOf(parts):
            for part in parts:
                _check_calls(part)
        case Not(part):
            _check_calls(part)
        case Call(name, arguments):
            if name.lower() != LOG_ID:
                raise BadFilter(f"the function {name}() is not known here; log_id() is")
            if len(arguments) != 1:
                raise BadFilter(f"log_id() takes one log, not {len(arguments)}")
