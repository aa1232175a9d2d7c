"""Reads PostgreSQL's errors: the SQLSTATE, and whether the connection ended with the error."""

from pg8000.exceptions import DatabaseError

LOCK_NOT_AVAILABLE = "55P03"


def state_of(error: DatabaseError) -> str:
    """Return the SQLSTATE, or an empty string where the error has none."""
    return _field(error, "C")


def is_fatal(error: DatabaseError) -> bool:
    """Return whether the connection ended with the error; the running statement may have been applied."""
    return _field(error, "V") in ("FATAL", "PANIC")


def is_moved_partition(error: DatabaseError) -> bool:
    """Return whether a row's partition changed at the same moment; the same statement will find the right one."""
    return state_of(error) == "23514" and not _field(error, "n")


def _field(error: DatabaseError, name: str) -> str:
    fields = error.args[0] if error.args else None
    return str(fields.get(name, "")) if isinstance(fields, dict) else ""
