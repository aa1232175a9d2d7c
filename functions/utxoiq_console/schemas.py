"""Schemas of the OpenAPI document: with their references resolved, and an example of each."""

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]
# Deeper references stay names, so that a schema can be read.
DEPTH = 4
_EXAMPLES = {
    "date-time": "2026-01-31T12:00:00Z",
    "uuid": "6f1c3d0e-7a0b-4c53-9d7e-0d2a5b1c9f11",
    "date": "2026-01-31",
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "string": "text",
    "null": None,
}


def resolve(document: Json, part: Json) -> Json:
    """Return what a reference leads to; anything else as it is."""
    if "$ref" not in part:
        return part
    found: Any = document
    for step in part["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    resolved: Json = found
    return resolved


def expand(document: Json, schema: Json, depth: int = DEPTH) -> Json:
    """Return a schema with its references resolved, down to a depth."""
    if depth == 0:
        return schema
    schema = resolve(document, schema)
    expanded = dict(schema)
    if "items" in schema:
        expanded["items"] = expand(document, schema["items"], depth - 1)
    if isinstance(schema.get("additionalProperties"), dict):
        expanded["additionalProperties"] = expand(document, schema["additionalProperties"], depth - 1)
    if "properties" in schema:
        expanded["properties"] = {name: expand(document, one, depth - 1) for name, one in schema["properties"].items()}
    if "anyOf" in schema:
        expanded["anyOf"] = [expand(document, one, depth - 1) for one in schema["anyOf"]]
    return expanded


def example(document: Json, schema: Json) -> Any:
    """Return a value that the schema allows: the schema's own example if it has one."""
    schema = resolve(document, schema)
    for known in ("example", "const", "default"):
        if schema.get(known) is not None:
            return schema[known]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return example(document, schema["anyOf"][0])
    if "properties" in schema:
        return {name: example(document, one) for name, one in schema["properties"].items()}
    if schema.get("type") == "array":
        return [example(document, schema.get("items", {}))]
    if schema.get("type") == "object":
        others = schema.get("additionalProperties")
        return {"name": example(document, others)} if isinstance(others, dict) else {}
    return schema.get("minimum") or _EXAMPLES.get(schema.get("format", ""), _EXAMPLES.get(schema.get("type", ""), {}))
