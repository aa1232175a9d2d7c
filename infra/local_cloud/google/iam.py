"""The role bindings that the program declares, asked by what stands for the platform."""

from collections import defaultdict
from collections.abc import Iterable

from local_cloud.google.conditions import Condition

ANYBODY = "allUsers"
ANYBODY_SIGNED_IN = "allAuthenticatedUsers"
# What the roles hold of which the stand-ins ask for permissions.
PREDEFINED = {"roles/storage.objectCreator": frozenset({"storage.objects.create"})}
INVOKERS = frozenset({"roles/run.invoker", "roles/cloudfunctions.invoker"})


class Bindings:
    """Knows who has which role on what. A resource is named as `kind/name`."""

    def __init__(self) -> None:
        self._members: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._permissions: dict[str, frozenset[str]] = dict(PREDEFINED)
        self._granted: list[tuple[str, str, str, Condition | None]] = []

    def define(self, role: str, permissions: Iterable[str]) -> None:
        """Say what a role of the project's own holds."""
        self._permissions[role] = frozenset(permissions)

    def add(self, resource: str, role: str, member: str, condition: str | None = None) -> None:
        """Give a member a role on a resource. Raises DeploymentFailed for a condition that is not known here."""
        self._members[resource, role].add(member)
        self._granted.append((resource, member, role, None if condition is None else Condition(condition)))

    def permits(self, member: str, permission: str, resource_type: str, name: str) -> bool:
        """Return whether a role, the project's own or on a bucket, gives the permission on that resource."""
        return any(
            permission in self._permissions.get(role, ())
            for granted_on, granted, role, condition in self._granted
            if granted == member
            and _covers(granted_on, name)
            and (condition is None or condition.holds(resource_type, name))
        )

    def members(self, resource: str, role: str) -> frozenset[str]:
        """Return who has a role on a resource."""
        return frozenset(self._members.get((resource, role), ()))

    def has_role(self, member: str, service: str) -> bool:
        """Return whether a member has a role of a service on anything, predefined or of the project's own."""
        return any(
            member in members and (role.startswith(f"roles/{service}.") or self._reaches(role, service))
            for (_, role), members in self._members.items()
        )

    def _reaches(self, role: str, service: str) -> bool:
        return any(permission.startswith(f"{service}.") for permission in self._permissions.get(role, ()))

    def invokers(self, function: str) -> frozenset[str]:
        """Return who may call a function."""
        return frozenset().union(*(self.members(f"function/{function}", role) for role in INVOKERS))


def _covers(granted_on: str, name: str) -> bool:
    """Return whether a role that is granted on a bucket, or else on all of the project, is about the resource."""
    kind, _, owner = granted_on.partition("/")
    return kind != "bucket" or name.startswith(f"projects/_/buckets/{owner}/")
