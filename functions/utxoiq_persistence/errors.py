"""Everything that the data-access layer raises, one small tree."""


class PersistenceError(Exception):
    """The root. Its text is fit for a client: what was wrong and what to do, no SQL."""


class ConfigurationError(PersistenceError):
    """The environment is wrong; the text names the variable and the remedy."""


class NotFound(PersistenceError):
    """No row has that id."""


class RuleBroken(PersistenceError):
    """Each field is well formed, together they are not: an end before its start."""


class JobEnded(PersistenceError):
    """A completed or failed job takes no more progress."""


class StaleVersion(PersistenceError):
    """The row has changed since the version that the caller saw."""


class NameTaken(PersistenceError):
    """Something else has that name."""


class KeyEnded(PersistenceError):
    """An API key that is revoked, expired or rotated already has no successor to come."""


class BadCursor(PersistenceError):
    """A cursor that this service did not give out, or not for this list."""


class IdempotencyMismatch(PersistenceError):
    """The Idempotency-Key was used before, with another request."""


class DatabaseUnavailable(PersistenceError):
    """The database cannot be reached now. What was asked did not happen, unless `outcome_unknown`.

    retry_after: seconds until another try makes sense.
    """

    def __init__(self, message: str, *, retry_after: int = 5, outcome_unknown: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.outcome_unknown = outcome_unknown


class PoolExhausted(DatabaseUnavailable):
    """Every connection stayed in use for the whole wait."""


class NotPublished(PersistenceError):
    """Cloud Monitoring did not take all that it was sent. It may be sent again: what it has, it does not take twice."""
