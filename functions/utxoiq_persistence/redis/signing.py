"""Authenticates what is read from Redis: whoever has only the password of Redis makes no entry that is believed.

Each function signs with a key of its own. What does not verify is as good as not there, and is counted.
"""

import hmac

ALGORITHM = "sha256"
SIGNATURE_BYTES = 32


def derive(key: bytes, purpose: str) -> bytes:
    """Return the key that is made from another for one purpose, as hexadecimal digits. It does not lead back."""
    return hmac.digest(key, purpose.encode(), ALGORITHM).hex().encode()


class Signer:
    """Signs entries, each for its place, and opens what was signed with the same key for the same place.

    Attributes:
        forged: How many entries did not verify.
    """

    def __init__(self, key: bytes) -> None:
        self.forged = 0
        self._key = key

    def sign(self, place: str, content: bytes) -> bytes:
        """Return the content with its signature at the end."""
        return content + self._signature(place, content)

    def open(self, place: str, entry: bytes) -> bytes | None:
        """Return the content of an entry; None if nobody with the key has signed it for this place."""
        content, signature = entry[:-SIGNATURE_BYTES], entry[-SIGNATURE_BYTES:]
        if hmac.compare_digest(signature, self._signature(place, content)):
            return content
        self.forged += 1
        return None

    @classmethod
    def for_purpose(cls, key: bytes, purpose: str) -> "Signer":
        """Return one whose key is made from `key` for one purpose, so that it may be shown to who checks that alone."""
        return cls(derive(key, purpose))

    def _signature(self, place: str, content: bytes) -> bytes:
        # The place has no NUL (PostgreSQL stores none), so no other place and content are the same text.
        return hmac.digest(self._key, place.encode() + b"\0" + content, ALGORITHM)
