"""The operations of the system's OpenAPI document, described for forms."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from utxoiq_console import schemas
from utxoiq_console.resources import Resource, Resources

Json = Mapping[str, Any]
# The paths that every function serves.
OF_ALL = ("/health", "/openapi.json")
NAMES = {
    "user": "a user's ID token",
    "service": "an API key",
    "operator": "an operator's ID token",
    "scheduler": "the scheduler's ID token",
}


@dataclass(frozen=True)
class Field:
    """Describes a parameter.

    `place` is path, query or header. `kind` describes its values in words. `choices` are the allowed values; empty if
    they are not limited.
    """

    name: str
    place: str
    required: bool
    kind: str
    about: str
    choices: Sequence[str]
    default: str


@dataclass(frozen=True)
class Body:
    """Describes a request body.

    `examples` are by the kind of caller that they are of; `schema` is JSON. `choices` are the allowed values of its
    fields, of those whose values are limited.
    """

    about: str
    examples: Mapping[str, str]
    schema: str
    choices: Mapping[str, Sequence[str]]

    def example(self, kind: str) -> str:
        """Return the example for a kind of caller, such as `user`."""
        return self.examples.get(kind) or list(self.examples.values())[-1]


@dataclass(frozen=True)
class PossibleAnswer:
    """Describes a response. `schema` and `example` are JSON; empty if the response has no body of its own."""

    status: str
    about: str
    schema: str
    example: str


@dataclass(frozen=True)
class Operation:
    """Describes an operation.

    `functions` are those that serve it; the first is the default. `callers` says in words who may call it, and `kinds`
    has the kinds of callers; none where anybody may.
    """

    id: str
    method: str
    path: str
    group: str
    summary: str
    about: str
    callers: Sequence[str]
    kinds: Sequence[str]
    fields: Sequence[Field]
    body: Body | None
    answers: Sequence[PossibleAnswer]
    functions: Sequence[Resource]

    def function(self, name: str) -> Resource:
        """Return the function of that id, or the default if none of those that serve the operation has it."""
        return next((one for one in self.functions if one.id == name), self.functions[0])


def operations(resources: Resources) -> dict[str, Operation]:
    """Return the operations by their ids, in the document's order, without those that only the deployer can call."""
    document = _document()
    found = {}
    for path, methods in document["paths"].items():
        routed = resources.routed(path)
        functions = [routed] if routed else [one for one in resources.functions if one.health and path in OF_ALL]
        if not functions:
            continue
        for method, operation in methods.items():
            made = _operation(document, method.upper(), path, operation, functions)
            found[made.id] = made
    return found


@cache
def _document() -> Json:
    """Return the document. docs/ is beside the packages in the function's archive, and at the top of the repository."""
    above = Path(__file__).resolve().parents
    files = (folder / "docs" / "openapi.json" for folder in (above[1], above[2]))
    document: Json = json.loads(next(file for file in files if file.is_file()).read_text())
    return document


def _operation(document: Json, method: str, path: str, operation: Json, functions: Sequence[Resource]) -> Operation:
    return Operation(
        id=operation["operationId"],
        method=method,
        path=path,
        group=operation["tags"][0],
        summary=operation["summary"],
        about=operation["description"],
        callers=list(_callers(operation["security"])),
        kinds=[scheme for choice in operation["security"] for scheme in choice],
        fields=[_field(schemas.resolve(document, one)) for one in operation.get("parameters", [])],
        body=_body(document, operation["requestBody"]) if "requestBody" in operation else None,
        answers=[_answer(document, status, one) for status, one in operation["responses"].items()],
        functions=functions,
    )


def _callers(security: Sequence[Json]) -> Iterator[str]:
    for choice in security:
        if not choice:
            yield "anybody"
        for scheme, scopes in choice.items():
            yield f"{NAMES[scheme]} with {', '.join(scopes)}" if scopes else NAMES[scheme]


def _field(parameter: Json) -> Field:
    schema = parameter.get("schema", {})
    default = schema.get("default")
    return Field(
        name=parameter["name"],
        place=parameter["in"],
        required=bool(parameter.get("required")),
        kind=_kind(schema),
        about=parameter.get("description") or schema.get("description", ""),
        choices=[str(choice) for choice in schema.get("enum", [])],
        default="" if default is None else str(default),
    )


def _kind(schema: Json) -> str:
    """Return a description of the values, such as `integer, 1 to 100`."""
    kind = str(schema.get("format") or schema.get("type", "choice"))
    low, high = schema.get("minimum", schema.get("minLength")), schema.get("maximum", schema.get("maxLength"))
    unit = " characters" if "maxLength" in schema or "minLength" in schema else ""
    if low is not None and high is not None:
        return f"{kind}, {low} to {high}{unit}"
    if high is not None:
        return f"{kind}, at most {high}{unit}"
    return f"{kind}, at least {low}{unit}" if low is not None else kind


def _body(document: Json, body: Json) -> Body:
    content = body["content"]["application/json"]
    shown = content.get("examples") or {"": {"value": content.get("example", {})}}
    examples = {kind: _json(one["value"]) for kind, one in shown.items()}
    schema = schemas.expand(document, content["schema"])
    choices = {name: one["enum"] for name, one in schema.get("properties", {}).items() if "enum" in one}
    return Body(body.get("description", ""), examples, _json(schema), choices)


def _answer(document: Json, status: str, answer: Json) -> PossibleAnswer:
    answer = schemas.resolve(document, answer)
    schema = answer.get("content", {}).get("application/json", {}).get("schema") if status < "300" else None
    if schema is None:
        return PossibleAnswer(status, answer["description"], "", "")
    return PossibleAnswer(
        status,
        answer["description"],
        _json(schemas.expand(document, schema)),
        _json(schemas.example(document, schema)),
    )


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
