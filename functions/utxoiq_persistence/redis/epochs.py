"""The epoch of a Redis server: another one after it was started anew, or changed its role.

Content of an earlier epoch is not trusted: a replica that took over may lack the last writes, and a server that was
started anew may have a snapshot of long ago. The replication offset is no part of it, since it changes with every
write, and need not be: a process whose offset goes back has taken over another's content as its replica, and gets a new
replication id when it is a primary again.
"""

import hashlib
import time
from typing import Any
from weakref import WeakKeyDictionary

from utxoiq_persistence.redis.client import AbstractConnection

# The length of an epoch, in bytes.
LENGTH = 16
# How long what a connection learned of its server stands, in seconds. A new connection learns it anew.
FRESH_SECONDS = 1.0

# By connection: the epoch, and when it was read.
_known: WeakKeyDictionary[AbstractConnection, tuple[bytes, float]] = WeakKeyDictionary()


async def connect(connection: AbstractConnection) -> None:
    """Greet the server of a new connection, and forget the epoch of the connection before it."""
    _known.pop(connection, None)
    await connection.on_connect()


def forget() -> None:
    """Have every connection learn the epoch of its server anew: one of them has met a server that is not as it was."""
    _known.clear()


async def current(connection: AbstractConnection) -> bytes:
    """Return the epoch of the connection's server. Raises what the client raises where it does not answer."""
    known = _known.get(connection)
    now = time.monotonic()
    if known is not None and now - known[1] < FRESH_SECONDS:
        return known[0]
    await connection.send_command("INFO", "server")
    await connection.send_command("INFO", "replication")
    server, replication = _fields(await connection.read_response()), _fields(await connection.read_response())
    identity = b" ".join((server[b"run_id"], replication[b"master_replid"], replication[b"role"]))
    epoch = hashlib.sha256(identity).hexdigest()[:LENGTH].encode()
    _known[connection] = epoch, now
    return epoch


def _fields(answer: Any) -> dict[bytes, bytes]:
    lines: list[bytes] = answer.splitlines()
    return dict(line.split(b":", 1) for line in lines if b":" in line)
