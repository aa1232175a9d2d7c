"""Which handler makes which type of resource real."""

from collections.abc import Awaitable, Callable

from local_cloud.errors import UnknownType
from local_cloud.resources.deployment import Declaration, Deployment, Made

Handler = Callable[[Deployment, Declaration], Awaitable[Made]]

_HANDLERS: dict[str, Handler] = {}


def handles(token: str) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        if token in _HANDLERS:
            raise ValueError(f"{token} has two handlers")
        _HANDLERS[token] = handler
        return handler

    return register


def handler_of(declaration: Declaration) -> Handler:
    """Raises UnknownType."""
    handler = _HANDLERS.get(declaration.token)
    if handler is None:
        raise UnknownType(declaration.token, declaration.name)
    return handler
