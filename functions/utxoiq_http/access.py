"""Who calls, and who may call what."""

from dataclasses import dataclass
from enum import Enum

from msgspec import Struct

from utxoiq_http.problems import HOW_TO_IDENTIFY, FieldError, Problem, invalid, unauthorized


class Kind(Enum):
    ANONYMOUS = "anonymous"
    USER = "user"
    SERVICE = "service"
    OPERATOR = "operator"
    SCHEDULER = "scheduler"
    STRANGER = "stranger"
    """A Google account that verifies and that nobody has given a right."""


class Caller(Struct, frozen=True):
    """name: unique over all kinds. subject: the user id of a user.

    The rest is an API key's; limits are None where it has the usual ones.
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
    """Who may call a route, besides operators, who may call all.

    scope: what a service's API key needs. An access that nobody but operators has is Access().
    """

    public: bool = False
    users: bool = False
    scheduler: bool = False
    scope: str | None = None

    def admit(self, caller: Caller) -> None:
        """Raises Problem: 401 for nobody, 403 for somebody who may not."""
        if self.public or caller.kind is Kind.OPERATOR:
            return
        if caller is NOBODY:
            raise unauthorized(f"{self._allowed()} may call this: {HOW_TO_IDENTIFY}")
        if caller.kind is Kind.SERVICE and self.scope is not None:
            if self.scope not in caller.scopes:
                raise Problem(403, f"this API key lacks the scope {self.scope}")
            return
        if not (self.users and caller.kind is Kind.USER) and not (self.scheduler and caller.kind is Kind.SCHEDULER):
            raise Problem(403, f"{self._allowed()} may call this")

    def _allowed(self) -> str:
        """Who may, in words."""
        groups = []
        if self.users:
            groups.append("users (each for its own feedback)")
        if self.scope:
            groups.append(f"services whose API key has the scope {self.scope}")
        if self.scheduler:
            groups.append("the scheduler")
        return " and ".join(["only operators", *groups])


PUBLIC = Access(public=True)
MAINTENANCE = Access(scheduler=True)


def service(scope: str) -> Access:
    return Access(scope=scope)


def own_feedback(scope: str) -> Access:
    """Users for themselves, services with the scope for the user they name."""
    return Access(users=True, scope=scope)


def acting_user(caller: Caller, named: str | None) -> str:
    """Whose feedback this is about. Raises Problem: 403 to a user who names another, 422 to others who name none."""
    if caller.kind is Kind.USER:
        if named not in (None, caller.subject):
            raise Problem(403, "user_id is another user's; leave it out, since the token says who you are")
        return caller.subject
    if named is None:
        raise invalid(FieldError("user_id", "is required of a caller that is not itself a user"))
    return named
