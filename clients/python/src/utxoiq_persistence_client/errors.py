"""What a client raises for an answer that is an error, made from its problem details (RFC 9457)."""

from json import JSONDecodeError

import httpx

from .generated.models import ProblemDetails


class ApiError(Exception):
    """The service refused a request, or failed.

    Attributes:
        problem: What the answer says; made of its status where it has no problem details, such as one of a proxy.
        headers: The answer's headers, such as Retry-After.
    """

    def __init__(self, problem: ProblemDetails, headers: httpx.Headers) -> None:
        super().__init__(f"{problem.status} {problem.title}: {problem.detail} ({problem.instance})")
        self.problem = problem
        self.headers = headers

    @property
    def status(self) -> int:
        """Return the answer's HTTP status."""
        return self.problem.status


class StaleVersion(ApiError):
    """Somebody changed the job meanwhile: read it again and decide anew."""


class JobEnded(ApiError):
    """The job is completed or failed, and takes no more progress."""


class RateLimited(ApiError):
    """The caller has no requests left for now, and Retry-After is longer than the client waits."""


_KINDS = {
    "urn:utxoiq:problem:stale-version": StaleVersion,
    "urn:utxoiq:problem:job-ended": JobEnded,
    "urn:utxoiq:problem:rate-limit": RateLimited,
}


def error_of(response: httpx.Response) -> ApiError:
    """Return the exception for an answer with a status of 400 or more whose body has been read."""
    problem = _problem_of(response)
    return _KINDS.get(problem.type_, ApiError)(problem, response.headers)


def _problem_of(response: httpx.Response) -> ProblemDetails:
    if response.headers.get("content-type", "").startswith("application/problem+json"):
        try:
            return ProblemDetails.from_dict(response.json())
        except (JSONDecodeError, KeyError, TypeError, ValueError):
            pass  # Cut off on its way: the status still tells something.
    phrase = response.reason_phrase or "Error"
    request = f"{response.request.method} {response.request.url.path}"
    return ProblemDetails("about:blank", phrase, response.status_code, "the answer has no problem details", request)
