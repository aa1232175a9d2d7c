"""API keys as admins see them: created, listed, rotated, revoked. The key itself is shown once and kept nowhere."""

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
# uiq_<id>_<256 random bits>: the id tells people and lists which key it is, and opens nothing.
is_key = re.compile(rb"uiq_[0-9a-z]{12}_[A-Za-z0-9_-]{43}").fullmatch


class IssuedKey(Struct, frozen=True):
    """A new key: its row, and the only sight of its text."""

    id: str
    text: str
    row: Document


class ApiKeys:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, new: NewApiKey) -> IssuedKey:
        """Raises NameTaken while an unrevoked key has the name."""
        identifier, text = _generate()
        entry = audit.entry("key.create", identifier, name=new.name, scopes=sorted(new.scopes))
        rows = await self._database.fetch(
            _SQL["create_key"],
            id=identifier,
            digest=digest_of(text.encode()),
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
        """A successor with the same rights; both are valid for the overlap. Raises NotFound, KeyEnded."""
        successor, text = _generate()
        entry = audit.entry("key.rotate", identifier, successor=successor)

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
                    digest=digest_of(text.encode()),
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
        """Revoked from now on, for ever. Raises NotFound."""
        entry = audit.entry("key.revoke", identifier)
        rows = await self._database.fetch(_SQL["revoke_key"], idempotent=True, id=identifier, **entry.parameters)
        if not rows:
            return await self.get(identifier)
        entry.made = True
        ((row,),) = rows
        return Document(row.encode())

    async def get(self, identifier: str) -> Document:
        """Raises NotFound."""
        row, _, _ = await self._read(identifier)
        return Document(row.encode())

    async def find(self, query: ApiKeyQuery) -> Page:
        """Newest first. Raises BadCursor."""
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


def digest_of(key: bytes) -> bytes:
    """What is stored of a key. Of 256 random bits a plain SHA-256 cannot be reversed, and it takes a microsecond."""
    return hashlib.sha256(key).digest()


def _generate() -> tuple[str, str]:
    """An id, and the key that has it."""
    identifier = "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))
    return identifier, f"uiq_{identifier}_{secrets.token_urlsafe(32)}"
