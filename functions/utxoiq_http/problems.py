"""Errors as RFC 9457 problem details. This is the only module that maps an exception to a status."""

from collections.abc import Sequence
from http import HTTPStatus

from msgspec import UNSET, Struct, UnsetType

from utxoiq_persistence.errors import (
    BadCursor,
    DatabaseUnavailable,
    IdempotencyMismatch,
    JobEnded,
    KeyEnded,
    NameTaken,
    NotFound,
    NotPublished,
    RuleBroken,
    StaleVersion,
    TooManySeries,
)

MEDIA_TYPE = "application/problem+json"
UNSPECIFIC = "about:blank"
HOW_TO_IDENTIFY = "send `Authorization: Bearer <ID token>` or `X-API-Key: <key>`"
HEALTH_RETRY_SECONDS = 5
PUBLISH_RETRY_SECONDS = 10
MAX_ERRORS = 100
CONFLICTS = {
    JobEnded: "job-ended",
    StaleVersion: "stale-version",
    NameTaken: "name-taken",
    KeyEnded: "key-ended",
}
# Python 3.13 renamed these (RFC 9110); a title that clients have seen stays as it was (RFC 9457, 3.1.3).
_TITLES = {413: "Request Entity Too Large", 422: "Unprocessable Entity"}
_FIELDS = {BadCursor: "cursor", IdempotencyMismatch: "Idempotency-Key"}


class FieldError(Struct, frozen=True):
    """Says what is wrong with a field. `field` is its name, with its index in a batch: `[3].metric_value`."""

    field: str
    message: str


class ProblemDetails(Struct, frozen=True):
    """Describes an error to a client.

    `type` names the kind of error where the status is not specific enough. `detail` says what to correct.
    """

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FieldError] | UnsetType = UNSET
    parts: dict[str, str] | UnsetType = UNSET


class Problem(Exception):
    """A request is refused. The detail tells the client what to correct. Header names are in lower case."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        kind: str = UNSPECIFIC,
        errors: Sequence[FieldError] = (),
        parts: dict[str, str] | None = None,
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.kind = kind
        self.errors = errors
        self.parts = parts
        self.headers = headers

    def details(self, request_id: str) -> ProblemDetails:
        """Return the problem details, with the request's id as `instance`."""
        return ProblemDetails(
            type=self.kind,
            title=status_title(self.status),
            status=self.status,
            detail=self.detail,
            instance=f"urn:request:{request_id}",
            errors=list(self.errors) or UNSET,
            parts=self.parts or UNSET,
        )


def status_title(status: int) -> str:
    """Return the title of a status, which is the same with each version of Python."""
    return _TITLES.get(status) or HTTPStatus(status).phrase


def invalid(*errors: FieldError) -> Problem:
    """Return a Problem 422 for fields that are missing, unknown, of the wrong type or out of range."""
    return Problem(422, "; ".join(f"{error.field}: {error.message}" for error in errors[:5]), errors=errors)


class Violations:
    """Collects what is wrong in the parts of a request, each read in a block of its own, for one response.

    A block ends at what it refuses, and what follows it goes on. Whatever is no list of fields is raised.
    """

    __slots__ = ("_errors",)

    def __init__(self) -> None:
        self._errors: list[FieldError] = []

    def __enter__(self) -> None:
        """Begin a part."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        """Note the fields that the part refuses."""
        if not isinstance(error, Problem) or not error.errors:
            return False
        self._errors += error.errors
        return True

    def refuse(self) -> None:
        """Raise Problem 422 if anything is wrong; it names the first MAX_ERRORS fields."""
        if self._errors:
            raise invalid(*self._errors[:MAX_ERRORS])


def unauthorized(detail: str, *, challenge: str = "Bearer") -> Problem:
    """Return a Problem 401 with the challenge as its WWW-Authenticate header."""
    return Problem(401, detail, headers=[(b"www-authenticate", challenge.encode())])


def too_many_requests(limit: int, seconds: int) -> Problem:
    """Return a Problem 429. `seconds` is the time until the limit is fully restored."""
    return Problem(
        429,
        f"the rate limit of {limit} requests per hour is exceeded; retry in {seconds} s",
        kind="urn:utxoiq:problem:rate-limit",
        headers=_retry_after(seconds),
    )


def identity_unavailable(seconds: int) -> Problem:
    """Return a Problem 503 for tokens that cannot be verified because their issuer's keys are unavailable.

    `seconds` is the time until the keys may be fetched again.
    """
    return Problem(
        503,
        "the keys that verify tokens are temporarily unavailable; retry later",
        headers=_retry_after(seconds),
    )


def from_error(error: Exception) -> Problem | None:
    """Return the Problem that an exception stands for; None if the exception is an internal error."""
    match error:
        case Problem():
            return error
        case NotFound():
            return Problem(404, str(error))
        case RuleBroken():
            return Problem(400, str(error))
        case JobEnded() | StaleVersion() | NameTaken() | KeyEnded():
            return Problem(409, str(error), kind=f"urn:utxoiq:problem:{CONFLICTS[type(error)]}")
        case BadCursor() | IdempotencyMismatch() | TooManySeries():
            fields = error.fields if isinstance(error, TooManySeries) else [_FIELDS[type(error)]]
            return invalid(*(FieldError(field, str(error)) for field in fields))
        case DatabaseUnavailable():
            return Problem(503, str(error), headers=_retry_after(error.retry_after))
        case NotPublished():
            return Problem(503, str(error), headers=_retry_after(PUBLISH_RETRY_SECONDS))
        case RecursionError():
            # Only decoding and encoding of nested JSON from a client recurses.
            return Problem(422, "the JSON is nested too deeply")
    return None


def unexpected() -> Problem:
    """Return a Problem 500, which says nothing about the error itself."""
    return Problem(500, "internal error; it is logged with the id of this request")


def unavailable(detail: str, parts: dict[str, str]) -> Problem:
    """Return a Problem 503 for a failed health check, with the state of each part."""
    return Problem(503, detail, parts=parts, headers=_retry_after(HEALTH_RETRY_SECONDS))


def _retry_after(seconds: int) -> list[tuple[bytes, bytes]]:
    return [(b"retry-after", str(seconds).encode())]
