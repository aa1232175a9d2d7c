"""The role bindings that the program declares, asked by what stands for the platform."""

from collections import defaultdict
from collections.abc import Mapping

import jwt

from local_cloud.google.issuer import Issuer
from local_cloud.serving.problems import Problem

ANYBODY = "allUsers"
ANYBODY_SIGNED_IN = "allAuthenticatedUsers"
INVOKERS = frozenset({"roles/run.invoker", "roles/cloudfunctions.invoker"})


class Bindings:
    """resource: as `kind/name`."""

    def __init__(self) -> None:
        self._members: dict[tuple[str, str], set[str]] = defaultdict(set)

    def add(self, resource: str, role: str, member: str) -> None:
        self._members[resource, role].add(member)

    def members(self, resource: str, role: str) -> frozenset[str]:
        return frozenset(self._members.get((resource, role), ()))

    def has_role(self, member: str, service: str) -> bool:
        """Whether the member has a predefined role of the service on anything."""
        return any(
            role.startswith(f"roles/{service}.") and member in members for (_, role), members in self._members.items()
        )

    def invokers(self, function: str) -> frozenset[str]:
        return frozenset().union(*(self.members(f"function/{function}", role) for role in INVOKERS))


def check_invoker(
    headers: Mapping[str, str], invokers: frozenset[str], audiences: frozenset[str], google: Issuer
) -> None:
    """As Cloud Run does it before a request reaches a function. Raises Problem."""
    if ANYBODY in invokers:
        return
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Problem(
            401, "this function is private: send `Authorization: Bearer <Google-signed ID token>`", _CHALLENGE
        )
    try:
        claims = google.verified(token.strip())
    except jwt.PyJWTError as error:
        raise Problem(401, f"the token is refused: {error}", _INVALID) from None
    if claims["aud"] not in audiences:
        raise Problem(
            403, f"the token is meant for {claims['aud']}, not for this function: {' or '.join(sorted(audiences))}"
        )
    email = str(claims.get("email", ""))
    if ANYBODY_SIGNED_IN not in invokers and not {f"serviceAccount:{email}", f"user:{email}"} & invokers:
        raise Problem(403, f"{email or 'the caller'} has no role that lets it call this function: roles/run.invoker")


_CHALLENGE = {"WWW-Authenticate": "Bearer"}
_INVALID = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
