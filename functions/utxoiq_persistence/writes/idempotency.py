"""Idempotency: a request that comes twice is executed once, and gets the same answer both times."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pg8000.exceptions import DatabaseError

from utxoiq_persistence.errors import IdempotencyMismatch
from utxoiq_persistence.postgres.database import Database
from utxoiq_persistence.postgres.session import Row, Session
from utxoiq_persistence.postgres.statements import Statement, load
from utxoiq_persistence.records import Idempotency
from utxoiq_persistence.sqlstates import read_sqlstate

_SQL = load("idempotency_keys")
INSUFFICIENT_PRIVILEGE = "42501"
ATTEMPTS = 2


@dataclass(frozen=True)
class Write:
    """Describes a statement that must not be run twice.

    Attributes:
        statement: The statement.
        parameters: The statement's parameters by name.
        answer: Makes the client's answer from the rows that the statement returns.
    """

    statement: Statement
    parameters: Mapping[str, Any]
    answer: Callable[[list[Row]], bytes]


async def write_once(database: Database, write: Write, idempotency: Idempotency | None) -> bytes:
    """Make a change once, and return its answer, or the answer of the earlier request with the same key.

    The key, the change and the answer are stored in one transaction.

    Raises:
        IdempotencyMismatch: The key was used for another request within the last 24 hours.
        DatabaseUnavailable: The database cannot be reached.
        RuleBroken: The database refused a value.
    """
    if idempotency is None:
        return write.answer(await database.fetch(write.statement, **write.parameters))
    key = idempotency
    return await database.work(write.statement.name, lambda session: _write_once(session, write, key), idempotent=True)


def _write_once(session: Session, write: Write, idempotency: Idempotency) -> bytes:
    key = {"caller": idempotency.caller, "key": idempotency.key}
    with session.transaction():
        session.run(_SQL["sweep"])
        attempts = iter(range(ATTEMPTS))
        while not _claim(session, idempotency.request_hash, key):
            held = session.run(_SQL["first_answer"], **key)
            if held:
                return _first_answer(idempotency, *held[0])
            # It has just expired and was deleted; or another function holds it, whose rows are not shown to this one.
            if next(attempts, None) is None:
                raise _mismatch()
        answer = write.answer(session.run(write.statement, **write.parameters))
        session.run(_SQL["keep_answer"], answer=answer.decode(), **key)
        return answer


def _claim(session: Session, request_hash: bytes, key: Mapping[str, str]) -> bool:
    """Return whether the key is this request's now.

    Raises IdempotencyMismatch for an expired key that another function holds.
    """
    try:
        return bool(session.run(_SQL["claim"], request_hash=request_hash, **key))
    except DatabaseError as error:
        if read_sqlstate(error) != INSUFFICIENT_PRIVILEGE:
            raise
        # The database shows a function its own keys only: that of another function's request cannot be told from it.
        raise _mismatch() from error


def _mismatch() -> IdempotencyMismatch:
    return IdempotencyMismatch("this Idempotency-Key was used for another request; send a new key with a new request")


def _first_answer(idempotency: Idempotency, request_hash: bytes, answer: str) -> bytes:
    if request_hash != idempotency.request_hash:
        raise _mismatch()
    return answer.encode()
