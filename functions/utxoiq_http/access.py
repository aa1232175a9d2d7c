"""Callers, and the access rules of routes."""

from dataclasses import dataclass
from enum import Enum

from msgspec import Struct

from utxoiq_http.problems import HOW_TO_IDENTIFY, FieldError, Problem, invalid, unauthorized


class Kind(Enum):
    """Distinguishes kinds of callers by how they identified themselves."""

    ANONYMOUS = "anonymous"
    USER = "user"
    SERVICE = "service"
    OPERATOR = "operator"
    SCHEDULER = "scheduler"
    STRANGER = "stranger"
    """A Google account whose token is valid, but which has no rights here."""


class Caller(Struct, frozen=True):
    """Identifies who sent a request.

    Attributes:
        kind: How the caller identified itself.
        name: Unique over all kinds of callers.
        subject: The user id of a user; empty for other kinds.
        scopes: The scopes of an API key.
        key_id: The id of an API key; None for callers without one.
        requests_per_hour: The rate limit of an API key; None for the default limit.
        batches_per_hour: The batch limit of an API key; None for the default limit.
    """

    kind: Kind
    name: str
    subject: str = ""
    scopes: frozenset[str] = frozenset()
    key_id: str | None = None
    requests_per_hour: int | None = None
    batches_per_hour: int | None = None


NOBODY = Caller(Kind.ANONYMOUS, "anonymous")


@dataclass(frozen=True, slots=True)
class Access:
    """Decides who may call a route. Operators may call every route; `Access()` allows nobody else.

    Attributes:
        public: Whether everybody may call it, without credentials.
        users: Whether users may call it.
        scheduler: Whether Cloud Scheduler's account may call it.
        scope: The scope that allows an API key to call it; None if no API key may.
    """

    public: bool = False
    users: bool = False
    scheduler: bool = False
    scope: str | None = None

    def admit(self, caller: Caller) -> None:
        """Check that the caller may call the route.

        Raises Problem: 401 for a caller without credentials, 403 for a caller without permission.
        """
        if self.public or caller.kind is Kind.OPERATOR:
            return
        if caller is NOBODY:
            raise unauthorized(f"credentials are required; {self._allowed()} may call this; {HOW_TO_IDENTIFY}")
        if caller.kind is Kind.SERVICE and self.scope is not None:
            if self.scope not in caller.scopes:
                raise Problem(403, f"this API key does not have the required scope {self.scope}")
            return
        if not (self.users and caller.kind is Kind.USER) and not (self.scheduler and caller.kind is Kind.SCHEDULER):
            raise Problem(403, f"{self._allowed()} may call this")

    def _allowed(self) -> str:
        """Return the allowed callers in words."""
        groups = []
        if self.users:
            groups.append("users (for their own feedback)")
        if self.scope:
            groups.append(f"services whose API key has the scope {self.scope}")
        if self.scheduler:
            groups.append("Cloud Scheduler")
        return " and ".join(["only operators", *groups])


PUBLIC = Access(public=True)
MAINTENANCE = Access(scheduler=True)


def require_scope(scope: str) -> Access:
    """Return the access rule that allows API keys with the scope."""
    return Access(scope=scope)


def allow_users_and_scope(scope: str) -> Access:
    """Return the access rule that allows users for themselves, and API keys with the scope for any user they name."""
    return Access(users=True, scope=scope)


def resolve_user(caller: Caller, named: str | None) -> str:
    """Return the id of the user whose feedback a request is about; `named` is the user_id that it has.

    Raises Problem: 403 if a user names another user, 422 if another caller names none.
    """
    if caller.kind is Kind.USER:
        if named not in (None, caller.subject):
            raise Problem(403, "user_id is not the user of the token; omit user_id or send your own")
        return caller.subject
    if named is None:
        raise invalid(FieldError("user_id", "is required unless the caller is a user"))
    return named
