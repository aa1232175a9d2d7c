"""The API key endpoints, for administrators: create, list, rotate and revoke keys."""

from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta, Struct

from utxoiq_http import answer, links
from utxoiq_http import answers as views
from utxoiq_http.access import require_scope
from utxoiq_http.answer import Answer, Header
from utxoiq_http.endpoints import audit, pages
from utxoiq_http.links import LINK, LOCATION
from utxoiq_http.problems import FieldError, invalid
from utxoiq_http.routes import Call, Route
from utxoiq_persistence.access.api_keys import IssuedKey
from utxoiq_persistence.records import ApiKeyQuery, KeyRotation, NewApiKey
from utxoiq_persistence.store import Store

PATH = "/api/v1/access/keys"
ADMIN = "admin"
KeyId = Annotated[
    str, Meta(pattern="^[0-9a-z]{12}$", description="The identifier of a key: the part between its two underscores.")
]


class OneKey(Struct, frozen=True, forbid_unknown_fields=True):
    """Names the API key that a request is about."""

    key_id: KeyId


async def create_api_key(store: Store, call: Call[None, NewApiKey]) -> Answer:
    """Create an API key. Only this response shows the key itself; the service stores its hash."""
    _check_expiry(call.body.expires_at)
    issued = await store.api_keys.create(call.body)
    return _answer_issued(issued, links.location(f"{call.path}/{issued.id}"))


async def list_api_keys(store: Store, call: Call[ApiKeyQuery, None]) -> Answer:
    """List API keys, newest first. The keys themselves are never shown again."""
    pages.check_start(call.parameters)
    return pages.answer_page(call, await store.api_keys.find(call.parameters))


async def get_api_key(store: Store, call: Call[OneKey, None]) -> Answer:
    """Get an API key's properties. The key itself is never shown again."""
    return answer.from_json(200, (await store.api_keys.get(call.parameters.key_id)).body)


async def rotate_api_key(store: Store, call: Call[OneKey, KeyRotation]) -> Answer:
    """Create a successor of an API key with the same rights. Both are valid during the overlap, by default a day."""
    _check_expiry(call.body.expires_at)
    issued = await store.api_keys.rotate(call.parameters.key_id, call.body)
    return _answer_issued(issued, links.location(f"{call.path.removesuffix('/rotate')}/{issued.id}"))


async def revoke_api_key(store: Store, call: Call[OneKey, None]) -> Answer:
    """Revoke an API key permanently. Every instance refuses the key within seconds."""
    return answer.from_json(200, (await store.api_keys.revoke(call.parameters.key_id)).body)


def _answer_issued(issued: IssuedKey, *headers: Header) -> Answer:
    """Return the response to a new key: its row, with the key itself as the first field."""
    return answer.from_json(201, b'{"key":"' + issued.text.encode() + b'",' + issued.row.body[1:], *headers)


def _check_expiry(expires_at: datetime | None) -> None:
    if expires_at is not None and expires_at <= datetime.now(UTC):
        raise invalid(FieldError("expires_at", "is in the past; omit it for a key that does not expire"))


ROUTES = (
    Route(
        method="POST",
        path=PATH,
        handler=create_api_key,
        access=require_scope(ADMIN),
        body=NewApiKey,
        status=201,
        answer=views.IssuedApiKey,
        answer_headers=(LOCATION,),
        problems=(409,),
        example={"name": "indexer", "owner": "platform team", "scopes": ["metrics:write"]},
    ),
    Route(
        method="GET",
        path=PATH,
        handler=list_api_keys,
        access=require_scope(ADMIN),
        parameters=ApiKeyQuery,
        answer=list[views.ApiKey],
        answer_headers=(LINK,),
        problems=(400,),
    ),
    Route(
        method="GET",
        path=f"{PATH}/{{key_id}}",
        handler=get_api_key,
        access=require_scope(ADMIN),
        parameters=OneKey,
        answer=views.ApiKey,
        problems=(404,),
    ),
    Route(
        method="POST",
        path=f"{PATH}/rotate",
        handler=rotate_api_key,
        access=require_scope(ADMIN),
        parameters=OneKey,
        body=KeyRotation,
        status=201,
        answer=views.IssuedApiKey,
        answer_headers=(LOCATION,),
        problems=(404, 409),
        example={"overlap_seconds": 86400},
    ),
    Route(
        method="POST",
        path=f"{PATH}/revoke",
        handler=revoke_api_key,
        access=require_scope(ADMIN),
        parameters=OneKey,
        answer=views.ApiKey,
        problems=(404,),
    ),
    *audit.ROUTES,
)
