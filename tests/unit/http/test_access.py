from typing import get_args

import pytest

from utxoiq_http.access import (
    MAINTENANCE,
    NOBODY,
    PUBLIC,
    Access,
    Caller,
    Kind,
    allow_users_and_scope,
    require_scope,
    resolve_user,
)
from utxoiq_http.problems import Problem
from utxoiq_http.system_document import system_routes
from utxoiq_persistence.records import Scope

USER = Caller(Kind.USER, "user:ann", subject="ann")
READER = Caller(Kind.SERVICE, "service:reader", scopes=frozenset({"feedback:read"}))
WRITER = Caller(Kind.SERVICE, "service:writer", scopes=frozenset({"feedback:write", "metrics:write"}))
OPERATOR = Caller(Kind.OPERATOR, "operator:root@example.org")
SCHEDULER = Caller(Kind.SCHEDULER, "scheduler:cron@example.org")
STRANGER = Caller(Kind.STRANGER, "stranger:who@example.org")
EVERYBODY = [NOBODY, USER, READER, WRITER, OPERATOR, SCHEDULER, STRANGER]


def status_for(access: Access, caller: Caller) -> int:
    try:
        access.admit(caller)
    except Problem as problem:
        return problem.status
    return 200


@pytest.mark.parametrize(
    ("access", "callers"),
    [
        (PUBLIC, EVERYBODY),
        (allow_users_and_scope("feedback:write"), [USER, WRITER, OPERATOR]),
        (require_scope("metrics:write"), [WRITER, OPERATOR]),
        (MAINTENANCE, [OPERATOR, SCHEDULER]),
        (Access(), [OPERATOR]),
    ],
)
def test_an_endpoint_lets_in_whom_it_is_for(access: Access, callers: list[Caller]) -> None:
    statuses = {caller.name: status_for(access, caller) for caller in EVERYBODY}
    refused = {caller.name: 401 if caller is NOBODY else 403 for caller in EVERYBODY}
    assert statuses == {**refused, **{caller.name: 200 for caller in callers}}


def test_every_scope_that_an_endpoint_wants_is_one_that_a_key_can_have() -> None:
    wanted = {route.access.scope for route in system_routes()} - {None}
    assert wanted == set(get_args(Scope))


def test_whoever_may_not_is_told_who_may() -> None:
    with pytest.raises(Problem, match="scope feedback:write"):
        allow_users_and_scope("feedback:write").admit(READER)


def test_a_user_acts_as_itself_named_or_not() -> None:
    assert resolve_user(USER, None) == resolve_user(USER, "ann") == "ann"


def test_a_user_cannot_act_as_another() -> None:
    with pytest.raises(Problem) as raised:
        resolve_user(USER, "bob")
    assert raised.value.status == 403


def test_a_service_names_the_user() -> None:
    assert resolve_user(WRITER, "bob") == "bob"
    with pytest.raises(Problem) as raised:
        resolve_user(WRITER, None)
    assert raised.value.status == 422
    assert [error.field for error in raised.value.errors] == ["user_id"]
