"""The API keys that the deployment itself declares: the first admin's, and others that it hands to its own services."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from pg8000.exceptions import InterfaceError

from utxoiq_persistence.config import DatabaseSettings
from utxoiq_persistence.errors import ConfigurationError, DatabaseUnavailable
from utxoiq_persistence.postgres import arrays
from utxoiq_persistence.postgres.session import Session, connector
from utxoiq_persistence.postgres.statements import load
from utxoiq_persistence.records import HourlyLimit, Name, Scope
from utxoiq_persistence.writes.audit import Entry, Origin

_SQL = load("api_keys")
ACTOR = "deployment"


class DeclaredKey(Struct, frozen=True, forbid_unknown_fields=True):
    """digest: of the key, which is in the deployment's own hands, in hexadecimal digits."""

    id: Annotated[str, Meta(pattern="^[0-9a-z]{12}$")]
    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    name: Name
    scopes: Annotated[frozenset[Scope], Meta(min_length=1)]
    requests_per_hour: HourlyLimit | None = None
    batches_per_hour: HourlyLimit | None = None


def read(text: str) -> list[DeclaredKey]:
    """Of the variable DEPLOYMENT_KEYS. Raises ConfigurationError, which repeats nothing of it."""
    try:
        return msgspec.json.decode(text, type=list[DeclaredKey])
    except (msgspec.DecodeError, UnicodeError) as error:
        raise ConfigurationError(f"DEPLOYMENT_KEYS takes an array of keys in JSON: {error}") from None


def declare(settings: DatabaseSettings, keys: Sequence[DeclaredKey], request_id: str | None = None) -> None:
    """From now on these are the deployment's keys; those of earlier deployments are revoked.

    One that an admin has revoked stays revoked. Blocking. Raises DatabaseUnavailable.
    """
    try:
        session = connector(settings)()
        try:
            with session.transaction():
                _declare(session, keys, request_id)
        finally:
            session.close()
    except (OSError, InterfaceError) as error:
        raise DatabaseUnavailable("the database cannot be reached; try again") from error


def _declare(session: Session, keys: Sequence[DeclaredKey], request_id: str | None) -> None:
    # Before the new ones, which may have their names.
    declared = arrays.encode_texts(key.id for key in keys)
    session.run(_SQL["withdraw_keys"], actor=ACTOR, declared=declared, request_id=request_id)
    for key in keys:
        details = {"name": key.name, "scopes": sorted(key.scopes)}
        entry = Entry(Origin(ACTOR, request_id=request_id), "key.declare", key.id, details)
        session.run(
            _SQL["declare_key"],
            id=key.id,
            digest=bytes.fromhex(key.digest),
            name=key.name,
            owner=ACTOR,
            scopes=arrays.encode_texts(sorted(key.scopes)),
            requests_per_hour=key.requests_per_hour,
            batches_per_hour=key.batches_per_hour,
            **entry.parameters,
        )
