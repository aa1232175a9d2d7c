"""What PostgreSQL's errors say of themselves: the SQLSTATE, and whether the connection ended with them."""

from pg8000.exceptions import DatabaseError


def state_of(error: DatabaseError) -> str:
    """Return the SQLSTATE, empty where the error carries none."""
    return _field(error, "C")


def is_fatal(error: DatabaseError) -> bool:
    """Return whether the connection ended with the error; what ran then may have been applied."""
    return _field(error, "V") in ("FATAL", "PANIC")


def is_moved_partition(error: DatabaseError) -> bool:
    """Return whether a row met a partition that changed under it: the same statement again finds the right one."""
    return state_of(error) == "23514" and not _field(error, "n")


def _field(error: DatabaseError, name: str) -> str:
    fields = error.args[0] if error.args else None
    return str(fields.get(name, "")) if isinstance(fields, dict) else ""
