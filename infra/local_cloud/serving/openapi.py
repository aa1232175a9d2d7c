"""One OpenAPI document of several functions' documents."""

import json
from collections.abc import Mapping
from typing import Any


class SharedPath(Exception):
    """Some functions, and not all, serve one path; the text names them."""


def merge_documents(title: str, server: str, documents: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return one document of several. Raises SharedPath.

    Paths that each function serves for itself (/health and the like) are left out if several have them. A component
    that two functions define differently gets the function's name in front.
    """
    paths: dict[str, Any] = {}
    components: dict[str, dict[str, Any]] = {}
    shared = _find_shared_paths(documents)
    for function, document in documents.items():
        own = _rename_conflicts(function, document, components)
        paths |= {path: item for path, item in own.get("paths", {}).items() if path not in shared}
        for kind, members in own.get("components", {}).items():
            components.setdefault(kind, {}).update(members)
    first = next(iter(documents.values()), {})
    return {
        "openapi": first.get("openapi", "3.1.0"),
        "info": {**first.get("info", {"version": "0"}), "title": title},
        "servers": [{"url": server}],
        "paths": paths,
        "components": components,
    }


def _find_shared_paths(documents: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Return what all of them serve. Raises SharedPath for what only some do: requests would go to one of those."""
    owners: dict[str, list[str]] = {}
    for function, document in documents.items():
        for path in document.get("paths", {}):
            owners.setdefault(path, []).append(function)
    shared = {path: functions for path, functions in owners.items() if len(functions) > 1}
    for path, functions in shared.items():
        if len(functions) < len(documents):
            raise SharedPath(f"{path} is served by {' and '.join(functions)}")
    return set(shared)


def _rename_conflicts(
    function: str, document: Mapping[str, Any], taken: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    text = json.dumps(document)
    for kind, members in document.get("components", {}).items():
        for name, member in members.items():
            if taken.get(kind, {}).get(name, member) != member:
                text = text.replace(f'"#/components/{kind}/{name}"', f'"#/components/{kind}/{function}.{name}"')
    result: dict[str, Any] = json.loads(text)
    for kind, members in document.get("components", {}).items():
        for name in members:
            if taken.get(kind, {}).get(name, members[name]) != members[name]:
                result["components"][kind][f"{function}.{name}"] = result["components"][kind].pop(name)
    return result
