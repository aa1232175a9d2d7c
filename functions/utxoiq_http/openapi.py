"""The OpenAPI 3.1 document, generated from the types that requests are validated with."""

import inspect
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from utxoiq_http import field_descriptions, problems
from utxoiq_http.access import Access
from utxoiq_http.archived_range import ARCHIVED_RANGE, ARCHIVED_ROWS
from utxoiq_http.links import LINK, LOCATION
from utxoiq_http.observability.logs import CORRELATION_ID
from utxoiq_http.preconditions import MAX_TAGS
from utxoiq_http.problems import ProblemDetails, status_title
from utxoiq_http.routes import ETAG, IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH, Route
from utxoiq_http.tolerance import IGNORED_FIELDS
from utxoiq_http.violations import item_type

Json = dict[str, Any]

API_VERSION = "1.0.0"
EXAMPLE_USER = "user-1"
_ABOUT = (
    "Times in answers are RFC 3339 in UTC, with six digits and +00:00. In requests a time may have a space for the T,"
    " and is in UTC where it has no offset. Fields and parameters that are not known are ignored, and named in the"
    " answer's header X-Ignored-Fields. An empty text where a field may be left out means that it is. A whole number"
    " may be written 5.0. A body without Content-Type is taken for JSON. A slash at the end of a path means nothing."
    " Errors are problem details (RFC 9457) that say what to mend."
)
_REF = "#/components/schemas/{name}"
_TEXT: Json = {"type": "string"}
_ENTITY_TAG = r'(W/)?"[!#-~]*"[ \t]*'
# Without an alternative at its end, which generators of requests and clients take for a pattern that they do not know.
_ENTITY_TAGS = rf"^[ \t]*(\*[ \t]*|{_ENTITY_TAG}(,[ \t]*{_ENTITY_TAG}){{0,{MAX_TAGS - 1}}}(,[ \t]*)?)$"

_REQUEST_HEADERS: dict[str, Json] = {
    IDEMPOTENCY_KEY: {
        "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
        "description": "A repeated request with the same key and body within 24 hours gets the first response.",
    },
    IF_MATCH: {
        "schema": {"type": "string", "pattern": _ENTITY_TAGS},
        "description": "The ETag of the version to change. If the job has another version by now, the response is 409.",
    },
    IF_NONE_MATCH: {
        "schema": _TEXT,
        "description": "The ETag of the version that the client has. If it is current, the response is 304.",
    },
    "X-Request-ID": {
        "schema": _TEXT,
        "description": "The id of the request in responses and logs: 1 to 128 letters, digits, dots, hyphens and"
        " underscores. The service generates one if it is omitted or has anything else.",
    },
    CORRELATION_ID: {
        "schema": _TEXT,
        "description": "The same where there is no X-Request-ID; it comes back in the answer.",
    },
}
_ANSWER_HEADERS: dict[str, Json] = {
    ETAG: {"schema": _TEXT, "description": "The version of the resource in this response."},
    LINK: {
        "schema": _TEXT,
        "description": 'rel="next": the URL of the next page. It stays stable while rows are added. '
        'rel="archives": where an operator has archived rows brought back.',
    },
    ARCHIVED_RANGE: {
        "schema": _TEXT,
        "description": "The times of the first and the last metric of the range that are in the archive, with a slash "
        "between them. Aggregates answer for these, too; rows come back by the operation restore_archived_rows.",
    },
    ARCHIVED_ROWS: {
        "schema": {"type": "integer", "minimum": 0},
        "description": "How many metrics that part has in the archive at most: all services and types count, of whole "
        "archived objects.",
    },
    LOCATION: {"schema": _TEXT, "description": "The URL of the created resource."},
    "X-Request-ID": {"schema": _TEXT, "description": "The id of this request."},
    CORRELATION_ID: {"schema": _TEXT, "description": "The correlation id of the request, if it had one."},
    IGNORED_FIELDS: {
        "schema": _TEXT,
        "description": "The names of fields and parameters of the request that are not known, if there were any.",
    },
    "WWW-Authenticate": {"schema": _TEXT, "description": "The authentication scheme to use."},
    "Allow": {"schema": _TEXT, "description": "The methods that this path supports."},
    "X-RateLimit-Limit": {
        "schema": {"type": "integer"},
        "description": "The number of requests per hour that this caller may make.",
    },
    "X-RateLimit-Remaining": {"schema": {"type": "integer"}, "description": "The number of requests left."},
    "X-RateLimit-Reset": {
        "schema": {"type": "integer"},
        "description": "When the limit is fully restored, in Unix seconds.",
    },
    "Retry-After": {"schema": {"type": "integer"}, "description": "The number of seconds to wait before a retry."},
}
# Health and documentation are not rate limited, so their responses lack the rate limit headers.
_OF_EVERY_ANSWER = (
    "X-Request-ID",
    CORRELATION_ID,
    IGNORED_FIELDS,
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
)
# Headers that every request may have.
_OF_EVERY_REQUEST = ("X-Request-ID", CORRELATION_ID)
_PROBLEMS: dict[int, tuple[str, tuple[str, ...]]] = {
    400: ("There are two credentials, the JSON is malformed, or its fields contradict each other.", ()),
    401: ("The request has no valid credentials.", ("WWW-Authenticate",)),
    403: ("The caller does not have permission.", ()),
    404: ("The resource does not exist.", ()),
    405: ("The path does not support this method.", ("Allow",)),
    408: ("The request body took too long to arrive.", ()),
    409: ("The resource has changed or has ended, its name is taken, or the same operation is already running.", ()),
    413: ("The request body is too large.", ()),
    415: ("The request body is not JSON in UTF-8.", ()),
    422: ("A field or parameter is missing, unknown, of the wrong type or out of range; `errors` names each.", ()),
    429: ("The caller has reached its rate limit.", ("Retry-After",)),
    500: ("An internal error, which is logged with the request id.", ()),
    502: ("The backup failed.", ()),
    503: ("A service that this operation depends on, such as the database, is unavailable.", ("Retry-After",)),
    504: ("The function did not answer within its time, says the platform before it.", ()),
}
_SECURITY_SCHEMES: Json = {
    "user": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A user's OIDC (Firebase) ID token.",
    },
    "service": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "An API key of a service. Its scopes decide what it may call.",
    },
    "operator": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A Google-signed ID token of an operator's account.",
    },
    "scheduler": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A Google-signed ID token of the scheduler's account, with this function as its audience.",
    },
}


def document(title: str, routes: Sequence[Route[Any]]) -> Json:
    """Return the OpenAPI document of these routes. `title` is the name of a function or of the system."""
    types = [ProblemDetails, *(kind for route in routes for kind in (route.body, route.answer) if kind is not None)]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    for name, component in components.items():
        if "description" in component:
            component["description"] = inspect.cleandoc(component["description"])
        _describe_fields(name, component)
    shown = dict(zip(map(repr, types), schemas, strict=True))
    for route in routes:
        if route.body is not None:
            _tolerate(components[(item_type(route.body) or route.body).__name__])
    paths: Json = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, shown)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": API_VERSION,
            "description": _ABOUT,
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": {_response_name(status): _problem_response(status) for status in _PROBLEMS},
            "headers": _ANSWER_HEADERS,
            "parameters": {name: {"name": name, "in": "header", **header} for name, header in _REQUEST_HEADERS.items()},
            "securitySchemes": _SECURITY_SCHEMES,
        },
    }


def _tolerate(struct: Json) -> None:
    """Show a request's fields as they are taken: by the rules of `tolerance`, which are wider than the types."""
    struct.pop("additionalProperties", None)
    for name, field in struct["properties"].items():
        if name not in struct.get("required", []):
            for choice in field.get("anyOf", [field]):
                choice.pop("minLength", None)


def _describe_fields(type_name: str, struct: Json) -> None:
    """Describe every field, say that objects without fields of their own take any, and leave out defaults of null.

    A default of null means that the field may be left out, which `required` says; generators of clients would otherwise
    take the field for one that is always there.
    """
    for name, field in struct.get("properties", {}).items():
        described = [choice.pop("description", None) for choice in (field, *field.get("anyOf", []))]
        field["description"] = next(filter(None, described), None) or field_descriptions.describe(type_name, name)
        if field.get("default", ...) is None:
            del field["default"]
        for choice in (field, *field.get("anyOf", [])):
            if choice.get("type") == "object":
                choice.setdefault("additionalProperties", True)


def encode(openapi: Json) -> bytes:
    """Return the document as JSON."""
    return msgspec.json.encode(openapi)


def _operation(route: Route[Any], shown: dict[str, Json]) -> Json:
    handler = route.handler
    text = inspect.getdoc(handler) or ""
    group = handler.__module__.rpartition(".")[2]
    operation: Json = {
        "operationId": _operation_id(handler.__name__),
        "summary": text.partition(".")[0],
        "description": text,
        "tags": [group],
        "security": _security(route.access),
        "parameters": [*_parameters(route), *_references("parameters", (*route.headers, *_OF_EVERY_REQUEST))],
        "responses": _responses(route, shown),
    }
    if route.body is not None:
        content = {"schema": shown[repr(route.body)], **_examples(route)}
        operation["requestBody"] = {
            "required": True,
            "description": f"At most {route.body_limit} bytes.",
            "content": {"application/json": content},
        }
    return operation


def _examples(route: Route[Any]) -> Json:
    if route.example is None:
        return {}
    if "user_id" not in getattr(route.body, "__struct_fields__", ()):
        return {"example": route.example}
    # A user is known by the token; a service names whose it is.
    of_service = {**route.example, "user_id": EXAMPLE_USER}
    return {"examples": {"user": {"value": route.example}, "service": {"value": of_service}}}


def _operation_id(name: str) -> str:
    """Return a verb and a noun: the name of a handler, and `get_health` for one that is named by a noun alone."""
    return name if "_" in name else f"get_{name}"


def _parameters(route: Route[Any]) -> list[Json]:
    schema = msgspec.json.schema(route.parameters)
    struct: Json = schema["$defs"][route.parameters.__name__]
    _tolerate(struct)
    _describe_fields(route.parameters.__name__, struct)
    properties, required = struct["properties"], struct.get("required", [])
    return [
        {
            "name": name,
            "in": "path" if name == route.path_parameter else "query",
            "required": name in required,
            "description": field.pop("description"),
            "schema": _parameter_schema(field),
            # An empty value is none, as with forms whose fields are left empty.
            **({} if name in required else {"allowEmptyValue": True}),
        }
        for name, field in properties.items()
    ]


def _parameter_schema(field: Json) -> Json:
    """Return the schema without null, for a parameter without a value is omitted; `true` or `false` is a boolean."""
    if "anyOf" in field:
        (kind,) = (choice for choice in field["anyOf"] if choice != {"type": "null"})
        return dict(kind)
    if field.get("enum") == ["false", "true"]:
        return {"type": "boolean", "default": field["default"] == "true"}
    return field


def _responses(route: Route[Any], shown: dict[str, Json]) -> Json:
    responses: Json = {
        str(route.status): {
            "description": status_title(route.status),
            "headers": _headers((*route.answer_headers, *_OF_EVERY_ANSWER)),
            "content": {name: {"schema": shown[repr(route.answer)]} for name in route.media_types},
        }
    }
    if route.may_be_empty:
        responses["204"] = {"description": "Nothing is left.", "headers": _headers(_OF_EVERY_ANSWER)}
    if IF_NONE_MATCH in route.headers:
        responses["304"] = {
            "description": "The version that the client has is current.",
            "headers": _headers((ETAG, *_OF_EVERY_ANSWER)),
        }
    for status in sorted(_statuses(route)):
        responses[str(status)] = {"$ref": f"#/components/responses/{_response_name(status)}"}
    return responses


def _statuses(route: Route[Any]) -> set[int]:
    statuses = {405, 422, 500, 504, *route.problems}
    if route.identified:
        statuses |= {400, 401, 429, 503}
    if not route.access.public:
        statuses.add(403)
    if route.body is not None:
        statuses |= {408, 413, 415}
    return statuses


def _security(access: Access) -> list[Json]:
    if access.public:
        return [{}]
    users: list[Json] = [{"user": []}] if access.users else []
    services: list[Json] = [{"service": [access.scope]}] if access.scope else []
    scheduler: list[Json] = [{"scheduler": []}] if access.scheduler else []
    return [*users, *services, *scheduler, {"operator": []}]


def _problem_response(status: int) -> Json:
    description, headers = _PROBLEMS[status]
    schema = {"$ref": _REF.format(name=ProblemDetails.__name__)}
    return {
        "description": description,
        "headers": _headers((*headers, *_OF_EVERY_ANSWER)),
        "content": {problems.MEDIA_TYPE: {"schema": schema}},
    }


def _headers(names: Iterable[str]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _references(kind: str, names: Iterable[str]) -> list[Json]:
    return [{"$ref": f"#/components/{kind}/{name}"} for name in names]


def _response_name(status: int) -> str:
    """Return the name of a status as a component's name, which has no spaces: `NotFound`."""
    return status_title(status).title().replace(" ", "")
