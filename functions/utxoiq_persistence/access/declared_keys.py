"""The API keys that the deployment declares: the first admin's, and those of its own services."""

from collections.abc import Sequence
from datetime import datetime
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
    """Describes a key that the deployment holds.

    Attributes:
        id: The key's id.
        digest: The SHA-256 digest of the key, in hexadecimal digits.
        name: The key's name.
        scopes: What the key allows.
        requests_per_hour: The limit of requests; None for the usual one.
        batches_per_hour: The limit of batches; None for the usual one.
        expires_at: When it ends; None for never.
    """

    id: Annotated[str, Meta(pattern="^[0-9a-z]{12}$")]
    digest: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    name: Name
    scopes: Annotated[frozenset[Scope], Meta(min_length=1)]
    requests_per_hour: HourlyLimit | None = None
    batches_per_hour: HourlyLimit | None = None
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


def read(text: str) -> list[DeclaredKey]:
    """Return the keys that the variable DEPLOYMENT_KEYS declares.

    Raises:
        ConfigurationError: The text is not an array of keys; the error repeats none of them.
    """
    try:
        return msgspec.json.decode(text, type=list[DeclaredKey])
    except (msgspec.DecodeError, UnicodeError) as error:
        raise ConfigurationError(f"DEPLOYMENT_KEYS takes an array of keys in JSON: {error}") from None


def declare(settings: DatabaseSettings, keys: Sequence[DeclaredKey], request_id: str | None = None) -> None:
    """Store these as the deployment's keys, and revoke those that earlier deployments declared.

    A key that an admin has revoked stays revoked. The call blocks.

    Raises:
        DatabaseUnavailable: The database cannot be reached.
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
    # Old keys are revoked first, since new ones may have their names.
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
            expires_at=key.expires_at,
            **entry.parameters,
        )
