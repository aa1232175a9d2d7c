"""All exceptions that the data-access layer raises, in one tree."""


class PersistenceError(Exception):
    """Stands for any error of this layer. A client may see its text, which says what is wrong and what to do.

    Attributes:
        outcome_unknown: Whether the change may have been made; otherwise it was not.
        is_over: Whether a change that has not been made by now never will be.
    """

    outcome_unknown = False
    is_over = True


class ConfigurationError(PersistenceError):
    """Says that the environment is wrong. The text names the variable and the remedy."""


class NotFound(PersistenceError):
    """Says that no row has the id."""


class RuleBroken(PersistenceError):
    """Says that fields which are valid alone are not valid together, such as an end before its start."""


class JobEnded(PersistenceError):
    """Says that the job is completed or failed, and accepts no more progress."""


class StaleVersion(PersistenceError):
    """Says that the row has changed since the version that the caller saw."""


class NameTaken(PersistenceError):
    """Says that something else has the name."""


class KeyEnded(PersistenceError):
    """Says that an API key cannot be rotated, since it is revoked, expired or rotated already."""


class BadCursor(PersistenceError):
    """Says that this service did not give out the cursor, or not for this list."""


class TooManySeries(PersistenceError):
    """Says that metrics are of new series where there may be no more series.

    Attributes:
        fields: The fields of the request that say so.
    """

    def __init__(self, most: int, fields: list[str]) -> None:
        super().__init__(
            "makes a new series of service_name, metric_type and unit, and there may be no more than "
            f"{most}; put what varies in metric_metadata"
        )
        self.fields = fields


class IdempotencyMismatch(PersistenceError):
    """Says that the Idempotency-Key was used before, with another request."""


class DatabaseUnavailable(PersistenceError):
    """Says that the database cannot be reached now, or took too long.

    Attributes:
        retry_after: The number of seconds after which another try makes sense.
    """

    def __init__(
        self, message: str, *, retry_after: int = 5, outcome_unknown: bool = False, is_over: bool | None = None
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.outcome_unknown = outcome_unknown
        self.is_over = not outcome_unknown if is_over is None else is_over


class PoolExhausted(DatabaseUnavailable):
    """Says that every connection stayed in use for the whole wait."""


class NotPublished(PersistenceError):
    """Says that Cloud Monitoring did not accept all points. They may be sent again, since none is stored twice."""
