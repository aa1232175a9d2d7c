"""What archived rows tell of persons, decrypted for whoever may have the persons' keys."""

import asyncio
import base64
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import pyarrow as pa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from commands.api import connect
from utxoiq_infra import archived_columns

PERSONAL = archived_columns.read_personal()
NONCE_BYTES = 12
PATH = "/api/v1/monitoring/retention/persons"
MOST_PERSONS = 1000


class Person(NamedTuple):
    """Whom a person's name in the archive stands for, and the key of what is encrypted."""

    user_id: str
    key: bytes


Find = Callable[[Sequence[UUID]], Mapping[UUID, Person]]


def find_by_api(base_url: str, token: str) -> Find:
    """Return what asks a system for persons, as the operator whose token that is. It raises CommandFailed."""

    async def ask(persons: Sequence[UUID]) -> list[Any]:
        async with connect(base_url, {"Authorization": f"Bearer {token}"}) as api:
            found: list[Any] = []
            for start in range(0, len(persons), MOST_PERSONS):
                names = [str(person) for person in persons[start : start + MOST_PERSONS]]
                found += (await api.post(PATH, {"persons": names}, repeatable=True)).body
            return found

    def find(persons: Sequence[UUID]) -> Mapping[UUID, Person]:
        return {
            UUID(found["person"]): Person(found["user_id"], base64.b64decode(found["key"]))
            for found in asyncio.run(ask(persons))
        }

    return find


def reveal(table: str, rows: pa.Table, find: Find) -> pa.Table:
    """Return the rows with their personal columns filled in. Those of an erased person stay without values.

    `find` returns the persons of these names that there are.
    """
    user, columns = PERSONAL[table]
    names = rows.column("person").to_pylist()
    people = find(sorted({name for name in names if name is not None}))
    values = {column: rows.column(column).to_pylist() for column in columns}
    for place, (row_id, name, sealed) in enumerate(
        zip(rows.column("id").to_pylist(), names, rows.column("sealed").to_pylist(), strict=True)
    ):
        if name not in people:
            continue
        person = people[name]
        bound_to = table.encode() + row_id.bytes
        content = json.loads(AESGCM(person.key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to))
        for column, value in {**content, user: person.user_id}.items():
            values[column][place] = value
    for column in columns:
        place = rows.schema.get_field_index(column)
        rows = rows.set_column(place, rows.schema.field(place), pa.array(values[column], rows.schema.field(place).type))
    return rows
