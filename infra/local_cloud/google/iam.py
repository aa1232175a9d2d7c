"""The role bindings that the program declares, asked by what stands for the platform."""

from collections import defaultdict

ANYBODY = "allUsers"
ANYBODY_SIGNED_IN = "allAuthenticatedUsers"
INVOKERS = frozenset({"roles/run.invoker", "roles/cloudfunctions.invoker"})


class Bindings:
    """Knows who has which role on what. A resource is named as `kind/name`."""

    def __init__(self) -> None:
        self._members: dict[tuple[str, str], set[str]] = defaultdict(set)

    def add(self, resource: str, role: str, member: str) -> None:
        """Give a member a role on a resource."""
        self._members[resource, role].add(member)

    def members(self, resource: str, role: str) -> frozenset[str]:
        """Return who has a role on a resource."""
        return frozenset(self._members.get((resource, role), ()))

    def has_role(self, member: str, service: str) -> bool:
        """Return whether a member has a predefined role of a service on anything."""
        return any(
            role.startswith(f"roles/{service}.") and member in members for (_, role), members in self._members.items()
        )

    def invokers(self, function: str) -> frozenset[str]:
        """Return who may call a function."""
        return frozenset().union(*(self.members(f"function/{function}", role) for role in INVOKERS))
