"""One document of several, in which every reference still means what it meant."""

import pytest

from local_cloud.serving.openapi import SharedPath, merge_documents


def document(path: str, schema: dict[str, object]) -> dict[str, object]:
    reference = {"$ref": "#/components/schemas/Item"}
    return {
        "openapi": "3.1.0",
        "info": {"title": path, "version": "1"},
        "paths": {path: {"get": {"responses": {"200": reference}}}, "/health": {}},
        "components": {"schemas": {"Item": schema, "Page": {"items": reference}}},
    }


def test_components_that_differ_are_kept_apart() -> None:
    result = merge_documents(
        "shop",
        "http://here",
        {"books": document("/books", {"type": "string"}), "toys": document("/toys", {"type": "integer"})},
    )
    assert set(result["paths"]) == {"/books", "/toys"}
    schemas = result["components"]["schemas"]
    assert schemas["Item"] == {"type": "string"}
    assert schemas["toys.Item"] == {"type": "integer"}
    assert result["paths"]["/toys"]["get"]["responses"]["200"] == {"$ref": "#/components/schemas/toys.Item"}
    assert result["paths"]["/books"]["get"]["responses"]["200"] == {"$ref": "#/components/schemas/Item"}


def test_equal_components_are_shared() -> None:
    same: dict[str, object] = {"type": "string"}
    result = merge_documents(
        "shop", "http://here", {"books": document("/books", same), "toys": document("/toys", same)}
    )
    assert set(result["components"]["schemas"]) == {"Item", "Page"}


def test_a_path_that_some_share_is_named() -> None:
    same: dict[str, object] = {"type": "string"}
    documents = {name: document(path, same) for name, path in (("books", "/x"), ("toys", "/x"), ("games", "/y"))}
    with pytest.raises(SharedPath, match="/x is served by books and toys"):
        merge_documents("shop", "http://here", documents)
