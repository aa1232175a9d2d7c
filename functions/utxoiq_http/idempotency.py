"""The Idempotency-Key header: a repeated request is applied once."""

import hashlib
import re
from collections.abc import Mapping

import msgspec

from utxoiq_http.access import Caller
from utxoiq_http.problems import FieldError, invalid
from utxoiq_persistence.records import Idempotency

_is_key = re.compile(rb"[\x21-\x7e]{1,255}").fullmatch
_canonical = msgspec.json.Encoder(order="deterministic").encode


def from_request(headers: Mapping[bytes, bytes], caller: Caller, path: str, body: object) -> Idempotency | None:
    """Return the idempotency key of a request with a digest of its body; None if the request has none.

    A key belongs to its caller and path. Two bodies are the same if their values are, however they are formatted.
    Raises Problem 422 for an invalid key.
    """
    key = headers.get(b"idempotency-key")
    if key is None:
        return None
    if not _is_key(key):
        raise invalid(FieldError("Idempotency-Key", "must be 1 to 255 visible ASCII characters, such as a UUID"))
    owner = hashlib.sha256(f"{path} {caller.name}".encode()).hexdigest()
    return Idempotency(owner, key.decode(), hashlib.sha256(_canonical(body)).digest())
