"""API keys as admins manage them: create, list, rotate, revoke. A key's text is shown once and stored nowhere."""

import hashlib
import re
import secrets
import string

from msgspec import Struct

from utxoiq_persistence.errors import KeyEnded, NameTaken, NotFound, RuleBroken
from utxoiq_persistence.postgres import arrays, cursors
from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.postgres.statements import load
from utxoiq_persistence.records import ApiKeyQuery, Document, KeyRotation, NewApiKey, Page
from utxoiq_persistence.writes import audit

_SQL = load("api_keys")
_ID_ALPHABET = string.digits + string.ascii_lowercase
_ID_LENGTH = 12
# A key is uiq_<id>_<256 random bits>. The id says which key it is, and gives no access.
is_key = re.compile(rb"uiq_[0-9a-z]{12}_[A-Za-z0-9_-]{43}").fullmatch


class IssuedKey(Struct, frozen=True):
    """Holds a new key: its id, its text, which is shown this once, and its row."""

    id: str
    text: str
    row: Document


class ApiKeys:
    """Manages API keys. Its methods raise DatabaseUnavailable where the database cannot be reached."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, new: NewApiKey) -> IssuedKey:
        """Create a key, and return it with its text.

        Raises:
            NameTaken: A key that is not revoked has the name.
        """
        identifier, text = _generate()
        entry = audit.create_entry("key.create", identifier, name=new.name, scopes=sorted(new.scopes))
        rows = await self._database.fetch(
            _SQL["create_key"],
            id=identifier,
            digest=digest_key(text.encode()),
            name=new.name,
            owner=new.owner,
            scopes=arrays.encode_texts(sorted(new.scopes)),
            requests_per_hour=new.requests_per_hour,
            batches_per_hour=new.batches_per_hour,
            expires_at=new.expires_at,
            **entry.parameters,
        )
        if not rows:
            raise NameTaken(f"an API key called {new.name!r} is in use; rotate it, revoke it, or choose another name")
        entry.made = True
        ((row,),) = rows
        return IssuedKey(identifier, text, Document(row.encode()))

    async def rotate(self, identifier: str, rotation: KeyRotation) -> IssuedKey:
        """Create a successor with the same rights, and return it. Both keys are valid during the overlap.

        Raises:
            NotFound: No key has this id.
            KeyEnded: The key is revoked, expired or rotated already.
            RuleBroken: The key changed at the same moment.
        """
        successor, text = _generate()
        entry = audit.create_entry("key.rotate", identifier, successor=successor)

        def hand_over(session: Session) -> str | None:
            with session.transaction():
                rows = session.run(
                    _SQL["hand_over"],
                    id=identifier,
                    successor=successor,
                    overlap_seconds=rotation.overlap_seconds,
                )
                if not rows:
                    return None
                ((name, owner, scopes, requests, batches),) = rows
                ((row,),) = session.run(
                    _SQL["create_key"],
                    id=successor,
                    digest=digest_key(text.encode()),
                    name=name,
                    owner=owner,
                    scopes=arrays.encode_texts(scopes),
                    requests_per_hour=requests,
                    batches_per_hour=batches,
                    expires_at=rotation.expires_at,
                    **entry.parameters,
                )
                return str(row)

        row = await self._database.work("rotate_key", hand_over)
        if row is None:
            await self._refuse(identifier)
            raise RuleBroken("the key changed at the same moment; read it again")
        entry.made = True
        return IssuedKey(successor, text, Document(row.encode()))

    async def revoke(self, identifier: str) -> Document:
        """Revoke a key for ever, and return it. Revoking it again changes nothing.

        Raises:
            NotFound: No key has this id.
        """
        entry = audit.create_entry("key.revoke", identifier)
        rows = await self._database.fetch(_SQL["revoke_key"], idempotent=True, id=identifier, **entry.parameters)
        if not rows:
            return await self.get(identifier)
        entry.made = True
        ((row,),) = rows
        return Document(row.encode())

    async def get(self, identifier: str) -> Document:
        """Return a key without its text.

        Raises:
            NotFound: No key has this id.
        """
        row, _, _ = await self._read(identifier)
        return Document(row.encode())

    async def find(self, query: ApiKeyQuery) -> Page:
        """Return a page of keys, newest first.

        Raises:
            BadCursor: The cursor is not one of this list.
        """
        ((body, place),) = await self._database.fetch(
            _SQL["find_keys"],
            idempotent=True,
            owner=query.owner,
            status=query.status,
            limit=query.limit,
            offset=query.offset,
            **cursors.decode(query.cursor, str),
        )
        return Page(body.encode(), cursors.encode(place))

    async def _read(self, identifier: str) -> tuple[str, str, str | None]:
        rows = await self._database.fetch(_SQL["key_by_id"], idempotent=True, id=identifier)
        if not rows:
            raise NotFound(f"there is no API key {identifier}")
        ((row, status, successor),) = rows
        return row, status, successor

    async def _refuse(self, identifier: str) -> None:
        _, status, successor = await self._read(identifier)
        if successor is not None:
            raise KeyEnded(f"the key has been rotated already; rotate its successor {successor}")
        if status != "active":
            raise KeyEnded(f"the key is {status}; create a new one")


def digest_key(key: bytes) -> bytes:
    """Return the digest that is stored for a key.

    A plain SHA-256 of 256 random bits cannot be reversed, and it takes a microsecond.
    """
    return hashlib.sha256(key).digest()


def _generate() -> tuple[str, str]:
    """Return a new id, and the key that contains it."""
    identifier = "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))
    return identifier, f"uiq_{identifier}_{secrets.token_urlsafe(32)}"
