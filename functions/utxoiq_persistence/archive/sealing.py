"""Encryption of what archived rows tell of persons, each by a key of that person's own.

An object that is sealed has, in place of the personal columns, `person`, a name that only the database can resolve, and
`sealed`: the values as JSON, encrypted with AES-256-GCM and bound to the row's id. Whoever erases a person throws the
key away; what remains in objects, which may be locked, names nobody and can be read by nobody.
"""

import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID, uuid4

import msgspec
import pyarrow as pa
from pyarrow import compute

from utxoiq_persistence.archive.parquet import ObjectUnreadable
from utxoiq_persistence.archive.tables import ArchivedTable

PERSON = "person"
SEALED = "sealed"
NONCE_BYTES = 12
KEY_BYTES = 32


@dataclass(frozen=True)
class PersonKey:
    """The key of a person, and the name by which objects of the archive call that person."""

    person: UUID
    user_id: str
    key: bytes


class PersonKeys:
    """Keys of persons. Encrypts and decrypts the rows of a table that are theirs."""

    def __init__(self, keys: Iterable[PersonKey] = ()) -> None:
        self._by_user: dict[str, PersonKey] = {}
        self._by_person: dict[UUID, PersonKey] = {}
        for key in keys:
            self._add(key)

    def seal(self, table: ArchivedTable, rows: pa.Table) -> pa.Table:
        """Return the rows as objects hold them.

        A person without a key was erased meanwhile: the rows are encrypted by a key that ends with this object.
        """
        if not table.is_personal:
            return rows
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # 30 ms that only sealing needs

        listed = table.listed
        names = [name for name in listed.personal if name != listed.person]
        columns = [rows.column(name).to_pylist() for name in names]
        holders = [self._holder(user_id) for user_id in rows.column(listed.person).to_pylist()]
        ciphers = {holder.person: AESGCM(holder.key) for holder in holders}
        nonces = os.urandom(NONCE_BYTES * rows.num_rows)
        sealed = []
        for place, (row_id, holder, values) in enumerate(
            zip(rows.column("id").to_pylist(), holders, zip(*columns, strict=True), strict=True)
        ):
            nonce = nonces[place * NONCE_BYTES : (place + 1) * NONCE_BYTES]
            content = msgspec.json.encode(
                {name: value for name, value in zip(names, values, strict=True) if value is not None}
            )
            sealed.append(nonce + ciphers[holder.person].encrypt(nonce, content, _bound_to(table, row_id)))
        added: dict[str, list[bytes]] = {PERSON: [holder.person.bytes for holder in holders], SEALED: sealed}
        arrays = [
            _array(added[field.name], field.type) if field.name in added else rows.column(field.name)
            for field in table.stored_schema
        ]
        return pa.Table.from_arrays(arrays, schema=table.stored_schema)

    def open(self, table: ArchivedTable, rows: pa.Table) -> pa.Table:
        """Return the rows of an object as their table has them, without those of persons who have no key any more.

        Raises ObjectUnreadable if a row was not encrypted by its person's key.
        """
        if not is_sealed(rows):
            return rows
        user_column = str(table.listed.person)
        kept: list[int] = []
        contents: list[Mapping[str, str]] = []
        for place, holder, content in self._opened(table, rows):
            kept.append(place)
            contents.append({**content, user_column: holder.user_id})
        rows = rows.take(pa.array(kept, pa.int64()))
        arrays = [
            rows.column(field.name)
            if field.name in rows.schema.names
            else pa.array([content.get(field.name) for content in contents], field.type)
            for field in table.schema
        ]
        return pa.Table.from_arrays(arrays, schema=table.schema)

    def _opened(self, table: ArchivedTable, rows: pa.Table) -> Iterator[tuple[int, PersonKey, Mapping[str, str]]]:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        ciphers = {person: AESGCM(holder.key) for person, holder in self._by_person.items()}
        names = [rows.column(name).to_pylist() for name in ("id", PERSON, SEALED)]
        for place, (row_id, person, sealed) in enumerate(zip(*names, strict=True)):
            if person not in ciphers:
                continue
            try:
                content = ciphers[person].decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _bound_to(table, row_id))
            except InvalidTag as error:
                raise ObjectUnreadable(f"the row {row_id} was not encrypted by its person's key") from error
            values = msgspec.json.decode(content, type=dict[str, str])
            if unknown := values.keys() - set(table.listed.personal):
                raise ObjectUnreadable(f"the object has a column that its table lacks: {min(unknown)}")
            yield place, self._by_person[person], values

    def _holder(self, user_id: str) -> PersonKey:
        if user_id not in self._by_user:
            self._add(PersonKey(uuid4(), user_id, secrets.token_bytes(KEY_BYTES)))
        return self._by_user[user_id]

    def _add(self, key: PersonKey) -> None:
        self._by_user[key.user_id] = key
        self._by_person[key.person] = key


def is_sealed(rows: pa.Table) -> bool:
    """Return whether the rows are as sealed objects hold them."""
    return SEALED in rows.schema.names


def list_persons(rows: pa.Table) -> list[UUID]:
    """Return the persons whom the rows of a sealed object name, each once."""
    storage = pa.concat_arrays([chunk.storage for chunk in rows.column(PERSON).chunks])
    return [UUID(bytes=person) for person in storage.unique().to_pylist()]


def list_users(table: ArchivedTable, rows: pa.Table) -> list[str]:
    """Return the users of whom the rows, which are not sealed, tell, each once."""
    users: list[str] = rows.column(table.listed.person).unique().to_pylist()
    return users


def select_rows(table: ArchivedTable, rows: pa.Table, user_id: str, person: UUID | None) -> pa.Table:
    """Return the rows of an object that are a user's, whom sealed objects call `person`."""
    if not is_sealed(rows):
        return rows.filter(compute.equal(rows.column(table.listed.person), user_id))
    if person is None:
        return rows.slice(0, 0)
    storage = pa.chunked_array([chunk.storage for chunk in rows.column(PERSON).chunks], pa.binary(16))
    return rows.filter(compute.equal(storage, pa.scalar(person.bytes, pa.binary(16))))


def digest_user(user_id: str) -> bytes:
    """Return what an erasure that is not complete is known by."""
    return hashlib.sha256(user_id.encode()).digest()


def without_users(table: ArchivedTable, rows: pa.Table, digests: frozenset[bytes]) -> pa.Table:
    """Return the rows, which are not sealed, without those of users with these digests."""
    if not digests:
        return rows
    users = [user_id for user_id in list_users(table, rows) if digest_user(user_id) in digests]
    return rows.filter(compute.invert(compute.is_in(rows.column(table.listed.person), pa.array(users, pa.string()))))


def _array(values: list[bytes], kind: pa.DataType) -> pa.Array:
    if kind == pa.uuid():
        return pa.ExtensionArray.from_storage(kind, pa.array(values, kind.storage_type))
    return pa.array(values, kind)


def _bound_to(table: ArchivedTable, row_id: UUID) -> bytes:
    """Return what else the encryption vouches for: whose row it is, so that no value can pass for another's."""
    return table.name.encode() + row_id.bytes
