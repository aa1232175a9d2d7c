"""API keys, for admins: created, listed, rotated and revoked."""

from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta, Struct

from utxoiq_http import answer, links
from utxoiq_http import answers as views
from utxoiq_http.access import service
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
KeyId = Annotated[str, Meta(pattern="^[0-9a-z]{12}$", description="The part of a key between its underscores.")]


class OneKey(Struct, frozen=True, forbid_unknown_fields=True):
    key_id: KeyId


async def create(store: Store, call: Call[None, NewApiKey]) -> Answer:
    """Create a key. The answer is the only sight of it: what is kept is its hash."""
    _check_expiry(call.body.expires_at)
    issued = await store.api_keys.create(call.body)
    return _of_issued(issued, links.location(f"{call.path}/{issued.id}"))


async def find(store: Store, call: Call[ApiKeyQuery, None]) -> Answer:
    """Keys, newest first; never the keys themselves."""
    pages.check(call.parameters)
    return pages.of_page(call, await store.api_keys.find(call.parameters))


async def get(store: Store, call: Call[OneKey, None]) -> Answer:
    """One key; never the key itself."""
    return answer.of_json(200, (await store.api_keys.get(call.parameters.key_id)).body)


async def rotate(store: Store, call: Call[OneKey, KeyRotation]) -> Answer:
    """Create a key's successor, with the same rights. Both are valid for the overlap, a day unless told otherwise."""
    _check_expiry(call.body.expires_at)
    issued = await store.api_keys.rotate(call.parameters.key_id, call.body)
    return _of_issued(issued, links.location(f"{call.path.removesuffix('/rotate')}/{issued.id}"))


async def revoke(store: Store, call: Call[OneKey, None]) -> Answer:
    """Revoke a key for ever. It holds everywhere within seconds."""
    return answer.of_json(200, (await store.api_keys.revoke(call.parameters.key_id)).body)


def _of_issued(issued: IssuedKey, *headers: Header) -> Answer:
    """The row with the key as its first field."""
    return answer.of_json(201, b'{"key":"' + issued.text.encode() + b'",' + issued.row.body[1:], *headers)


def _check_expiry(expires_at: datetime | None) -> None:
    if expires_at is not None and expires_at <= datetime.now(UTC):
        raise invalid(FieldError("expires_at", "has passed; leave it out for a key that does not expire"))


ROUTES = (
    Route(
        method="POST",
        path=PATH,
        handler=create,
        access=service(ADMIN),
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
        handler=find,
        access=service(ADMIN),
        parameters=ApiKeyQuery,
        answer=list[views.ApiKey],
        answer_headers=(LINK,),
        problems=(400,),
    ),
    Route(
        method="GET",
        path=f"{PATH}/{{key_id}}",
        handler=get,
        access=service(ADMIN),
        parameters=OneKey,
        answer=views.ApiKey,
        problems=(404,),
    ),
    Route(
        method="POST",
        path=f"{PATH}/rotate",
        handler=rotate,
        access=service(ADMIN),
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
        handler=revoke,
        access=service(ADMIN),
        parameters=OneKey,
        answer=views.ApiKey,
        problems=(404,),
    ),
    *audit.ROUTES,
)
