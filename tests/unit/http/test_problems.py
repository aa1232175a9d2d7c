import pytest

from utxoiq_http import answer, problems
from utxoiq_http.problems import FieldError, Problem
from utxoiq_persistence.errors import (
    BadCursor,
    DatabaseUnavailable,
    IdempotencyMismatch,
    JobEnded,
    NotFound,
    NotPublished,
    PersistenceError,
    PoolExhausted,
    RuleBroken,
    StaleVersion,
    TooManySeries,
)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RuleBroken("x"), 400),
        (NotFound("x"), 404),
        (JobEnded("x"), 409),
        (StaleVersion("x"), 409),
        (BadCursor("x"), 422),
        (IdempotencyMismatch("x"), 422),
        (DatabaseUnavailable("x"), 503),
        (PoolExhausted("x"), 503),
        (NotPublished("x"), 503),
    ],
)
def test_each_error_of_the_data_layer_has_its_status(error: PersistenceError, status: int) -> None:
    problem = problems.from_error(error)
    assert problem is not None
    assert problem.status == status
    assert "x" in problem.detail


@pytest.mark.parametrize(
    ("error", "seconds"),
    [(DatabaseUnavailable("x", retry_after=7), b"7"), (NotPublished("x"), b"10")],
    ids=["database", "Cloud Monitoring"],
)
def test_what_is_away_says_when_to_try_again(error: PersistenceError, seconds: bytes) -> None:
    problem = problems.from_error(error)
    assert problem is not None
    assert list(problem.headers) == [(b"retry-after", seconds)]


def test_too_many_series_name_their_place_in_the_batch() -> None:
    problem = problems.from_error(TooManySeries(7, ["[1].metric_type", "[3].metric_type"]))
    assert problem is not None
    assert problem.status == 422
    assert [error.field for error in problem.errors] == ["[1].metric_type", "[3].metric_type"]
    assert "no more than 7; put what varies in metric_metadata" in problem.detail


def test_a_fault_of_ours_is_no_problem_of_the_clients() -> None:
    assert problems.from_error(KeyError("secret")) is None
    assert "secret" not in problems.unexpected().detail


def test_a_stale_job_and_an_ended_one_are_told_apart() -> None:
    kinds = [problem.kind for error in (JobEnded("x"), StaleVersion("x")) if (problem := problems.from_error(error))]
    assert kinds == ["urn:utxoiq:problem:job-ended", "urn:utxoiq:problem:stale-version"]


def test_a_problem_is_sent_as_rfc_9457_has_it() -> None:
    reply = answer.from_problem(Problem(422, "mend this", errors=[FieldError("a", "b")]), "id-1")
    assert dict(reply.raw_headers)[b"content-type"] == b"application/problem+json"
    assert reply.body == (
        b'{"type":"about:blank","title":"Unprocessable Entity","status":422,"detail":"mend this",'
        b'"instance":"urn:request:id-1","errors":[{"field":"a","message":"b"}]}'
    )
