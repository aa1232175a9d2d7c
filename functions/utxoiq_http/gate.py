"""The checks before a request is handled: its address, its caller, its rate limit and its access."""

import math
import time
from collections.abc import Mapping
from typing import Any

from starlette.types import Scope

from utxoiq_http import client_address
from utxoiq_http.access import NOBODY, Caller, Kind
from utxoiq_http.answer import Header
from utxoiq_http.config import GateSettings
from utxoiq_http.identity import Identities
from utxoiq_http.problems import Problem, too_many_requests
from utxoiq_http.routes import Route
from utxoiq_persistence.access.rate_limits import Allowance, RateLimits

# A valid token of Google's is to be had for nothing: whom nobody listed is counted as one without credentials is.
UNKNOWN_CALLERS = frozenset({Kind.ANONYMOUS, Kind.STRANGER})


class RequestContext:
    """Has what is known of a request: its address, its caller and the rate limits that it was counted against."""

    __slots__ = ("address", "allowance", "caller", "counted")

    def __init__(self, address: str) -> None:
        self.address = address
        self.allowance: Allowance | None = None
        self.caller: Caller = NOBODY
        # The names that it was counted under.
        self.counted: list[str] = []

    def headers(self) -> list[Header]:
        """Return the rate limit headers; none if the request was not counted."""
        allowance = self.allowance
        if allowance is None:
            return []
        return [
            (b"x-ratelimit-limit", b"%d" % allowance.limit),
            (b"x-ratelimit-remaining", b"%d" % allowance.remaining),
            (b"x-ratelimit-reset", b"%d" % math.ceil(allowance.resets_at)),
        ]


class Gate:
    """Identifies callers, counts their requests against rate limits and checks their access."""

    def __init__(self, identities: Identities, limits: RateLimits, settings: GateSettings) -> None:
        self._identities = identities
        self._limits = limits
        self._settings = settings

    def visit(self, scope: Scope, headers: Mapping[bytes, bytes]) -> RequestContext:
        """Return the context of a request, with its address and an anonymous caller."""
        return RequestContext(client_address.from_request(scope, headers, self._settings.trusted_proxies))

    async def enter(self, visit: RequestContext, headers: Mapping[bytes, bytes], route: Route[Any] | None) -> None:
        """Identify the caller, count the request and check access. Set what is found on the visit.

        `route` is None if the path has no route. Raises Problem: 401, 403, 429, and 503 if the caller cannot be
        identified now.
        """
        caller = self._identities.recall(headers)
        if caller is None:
            caller = await self._verify(visit, headers)
        visit.caller = caller
        if caller.kind in UNKNOWN_CALLERS:
            name, limit = f"address:{client_address.network(visit.address)}", self._settings.anonymous
        else:
            name, limit = caller.name, caller.requests_per_hour or self._settings.signed_in
        if not self._admit(visit, name, limit):
            await self._count(visit, name, limit)
        if caller.kind is Kind.USER:
            await self._count_identities(visit)
        if route is None:
            return
        route.access.admit(caller)
        if route.batch:
            await self._count(visit, f"batches:{caller.name}", caller.batches_per_hour or self._settings.batches)

    def leave(self, visit: RequestContext) -> None:
        """Note that a request is answered."""
        self._limits.leave(visit.counted)

    async def _count_identities(self, visit: RequestContext) -> None:
        """Count a user's request against what all users of its address have together, whose number nothing bounds.

        The answer tells of the user's own limit, unless it is this one that refuses. Raises Problem 429.
        """
        own = visit.allowance
        name, limit = f"users:{client_address.network(visit.address)}", self._settings.address
        if not self._admit(visit, name, limit):
            await self._count(visit, name, limit)
        visit.allowance = own

    async def _verify(self, visit: RequestContext, headers: Mapping[bytes, bytes]) -> Caller:
        """Return the caller. Invalid credentials count by address; above the limit, credentials are not verified.

        Raises Problem: 401, 429, 503.
        """
        failures = f"failures:{client_address.network(visit.address)}"
        if self._limits.is_spent(failures) and not self._identities.knows(headers):
            await self._count(visit, failures, self._settings.anonymous)
        try:
            return await self._identities.identify(headers)
        except Problem as problem:
            if problem.status == 401:
                await self._count(visit, failures, self._settings.anonymous)
            raise

    def _admit(self, visit: RequestContext, name: str, limit: int) -> bool:
        """Count the request against a rate limit that is known to be far, and return whether it is."""
        allowance = self._limits.admit(name, limit)
        if allowance is None:
            return False
        visit.allowance = allowance
        visit.counted.append(name)
        return True

    async def _count(self, visit: RequestContext, name: str, limit: int) -> None:
        """Count the request against a rate limit. Raises Problem 429 if the limit is exceeded."""
        visit.allowance = allowance = await self._limits.take(name, limit)
        if not allowance.granted:
            raise too_many_requests(limit, max(1, math.ceil(allowance.resets_at - time.time())))
        visit.counted.append(name)
