"""Authenticates what is read from Redis: whoever has only the password of Redis makes no entry that is believed.

Each function signs what is its own with a key of its own. What does not verify is as good as not there, and is counted.
"""

import hmac

ALGORITHM = "sha256"
SIGNATURE_BYTES = 32


def derive(key: bytes, purpose: str) -> bytes:
    """Return the key that is made from another for one purpose, as hexadecimal digits. It does not lead back."""
    return hmac.digest(key, purpose.encode(), ALGORITHM).hex().encode()


class Forgeries:
    """Counts what this process found in Redis and did not believe.

    Attributes:
        count: How much that was since the start.
    """

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


class Signer:
    """Signs entries, each for its place, and opens what was signed with the same key for the same place.

    Attributes:
        forgeries: Counts what did not verify.
    """

    def __init__(self, key: bytes, forgeries: Forgeries | None = None) -> None:
        """Sign by `key`, and count among `forgeries`, which other signers may share."""
        self.forgeries = Forgeries() if forgeries is None else forgeries
        self._key = key

    def sign(self, place: str, content: bytes) -> bytes:
        """Return the content with its signature at the end."""
        return content + self.signature(place, content)

    def open(self, place: str, entry: bytes) -> bytes | None:
        """Return the content of an entry; None if nobody with the key has signed it for this place."""
        content = entry[:-SIGNATURE_BYTES]
        return content if self.verify(place, content, entry[-SIGNATURE_BYTES:]) else None

    def signature(self, place: str, content: bytes) -> bytes:
        """Return the signature of a content for its place."""
        # The place has no NUL (PostgreSQL stores none), so no other place and content are the same text.
        return hmac.digest(self._key, place.encode() + b"\0" + content, ALGORITHM)

    def verify(self, place: str, content: bytes, signature: bytes) -> bool:
        """Return whether somebody with the key has signed the content for this place."""
        if hmac.compare_digest(signature, self.signature(place, content)):
            return True
        self.forgeries.count += 1
        return False

    @classmethod
    def for_purpose(cls, key: bytes, purpose: str, forgeries: Forgeries | None = None) -> "Signer":
        """Return one whose key is made from `key` for one purpose, so that it may be shown to who checks that alone."""
        return cls(derive(key, purpose), forgeries)
