"""Whatever goes wrong, as RFC 9457 problem details: the one place that decides a status."""

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
)

MEDIA_TYPE = "application/problem+json"
UNSPECIFIC = "about:blank"
HOW_TO_IDENTIFY = "send `Authorization: Bearer <ID token>` or `X-API-Key: <key>`"
HEALTH_RETRY_SECONDS = 5
PUBLISH_RETRY_SECONDS = 10
_CONFLICTS = {
    JobEnded: "job-ended",
    StaleVersion: "stale-version",
    NameTaken: "name-taken",
    KeyEnded: "key-ended",
}


class FieldError(Struct, frozen=True):
    """field: its name, with the place in a batch where there is one: `[3].metric_value`."""

    field: str
    message: str


class ProblemDetails(Struct, frozen=True):
    """An error as a client reads it. type names the kind where the status alone does not."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FieldError] | UnsetType = UNSET
    parts: dict[str, str] | UnsetType = UNSET


class Problem(Exception):
    """A request that is refused. Its text tells the client what to mend; headers are lower case."""

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
        return ProblemDetails(
            type=self.kind,
            title=HTTPStatus(self.status).phrase,
            status=self.status,
            detail=self.detail,
            instance=f"urn:request:{request_id}",
            errors=list(self.errors) or UNSET,
            parts=self.parts or UNSET,
        )


def invalid(*errors: FieldError) -> Problem:
    """422: fields of the wrong type or out of range."""
    return Problem(422, "; ".join(f"{error.field}: {error.message}" for error in errors[:5]), errors=errors)


def unauthorized(detail: str, *, challenge: str = "Bearer") -> Problem:
    return Problem(401, detail, headers=[(b"www-authenticate", challenge.encode())])


def too_many_requests(limit: int, seconds: int) -> Problem:
    """429. seconds: until the limit is whole again."""
    return Problem(
        429,
        f"this caller's limit of {limit} requests an hour is used up; try again in {seconds} s",
        kind="urn:utxoiq:problem:rate-limit",
        headers=_retry_after(seconds),
    )


def identity_unavailable(seconds: int) -> Problem:
    """503. seconds: until the keys may be fetched again."""
    return Problem(
        503,
        "the keys that tokens are verified with cannot be fetched now; try again",
        headers=_retry_after(seconds),
    )


def of(error: Exception) -> Problem | None:
    """The problem that an exception means; None where it is a fault of ours."""
    match error:
        case Problem():
            return error
        case NotFound():
            return Problem(404, str(error))
        case RuleBroken():
            return Problem(400, str(error))
        case JobEnded() | StaleVersion() | NameTaken() | KeyEnded():
            return Problem(409, str(error), kind=f"urn:utxoiq:problem:{_CONFLICTS[type(error)]}")
        case BadCursor():
            return invalid(FieldError("cursor", str(error)))
        case IdempotencyMismatch():
            return invalid(FieldError("Idempotency-Key", str(error)))
        case DatabaseUnavailable():
            return Problem(503, str(error), headers=_retry_after(error.retry_after))
        case NotPublished():
            return Problem(503, str(error), headers=_retry_after(PUBLISH_RETRY_SECONDS))
        case RecursionError():
            # Nothing here recurses but the reading and writing of JSON that a client has nested.
            return Problem(422, "the JSON is nested too deeply; make it flatter")
    return None


def unexpected() -> Problem:
    return Problem(500, "something went wrong on our side; it is logged under this request's id")


def unavailable(detail: str, parts: dict[str, str]) -> Problem:
    """503: of a health check, with the state of each part."""
    return Problem(503, detail, parts=parts, headers=_retry_after(HEALTH_RETRY_SECONDS))


def _retry_after(seconds: int) -> list[tuple[bytes, bytes]]:
    return [(b"retry-after", str(seconds).encode())]
