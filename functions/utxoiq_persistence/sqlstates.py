"""Reads PostgreSQL's errors: the SQLSTATE, what it says of the server, and whether the connection ended with it."""

from pg8000.exceptions import DatabaseError

# The server is read-only, since it is a standby or another one replaces it; it shuts down, crashed or starts up.
_ROLES = {"25006", "57P01", "57P02", "57P03", "57P04", "57P05"}
# These are whole classes: connection exceptions; a lack of connections, memory or disk; failures of the system.
_STATE_CLASSES = {"08", "53", "58"}
LOCK_NOT_AVAILABLE = "55P03"
DEADLOCK_DETECTED = "40P01"


def read_sqlstate(error: DatabaseError) -> str:
    """Return the SQLSTATE, or an empty string where the error has none."""
    return _field(error, "C")


def is_fatal(error: DatabaseError) -> bool:
    """Return whether the connection ended with the error; the running statement may have been applied."""
    return _field(error, "V") in ("FATAL", "PANIC")


def is_role_error(error: DatabaseError) -> bool:
    """Return whether the server says that it is not, or will not be, the one that takes changes."""
    return read_sqlstate(error) in _ROLES


def is_server_error(error: DatabaseError) -> bool:
    """Return whether the error speaks of the server's state or role, not of the statement."""
    return is_fatal(error) or is_role_error(error) or read_sqlstate(error)[:2] in _STATE_CLASSES


def is_moved_partition(error: DatabaseError) -> bool:
    """Return whether a row's partition changed at the same moment; the same statement will find the right one."""
    return read_sqlstate(error) == "23514" and not _field(error, "n")


def _field(error: DatabaseError, name: str) -> str:
    fields = error.args[0] if error.args else None
    return str(fields.get(name, "")) if isinstance(fields, dict) else ""
