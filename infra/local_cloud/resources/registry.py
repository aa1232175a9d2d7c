"""Which handler makes which type of resource real."""

from collections.abc import Awaitable, Callable

from local_cloud.errors import UnknownType
from local_cloud.pulumi.declaration import CreatedResource, Declaration
from local_cloud.resources.cloud import LocalCloud

Handler = Callable[[LocalCloud, Declaration], Awaitable[CreatedResource]]

_HANDLERS: dict[str, Handler] = {}


def handles(token: str) -> Callable[[Handler], Handler]:
    """Register the decorated handler for a type. Raises ValueError if it has one."""

    def register(handler: Handler) -> Handler:
        if token in _HANDLERS:
            raise ValueError(f"{token} has two handlers")
        _HANDLERS[token] = handler
        return handler

    return register


def find_handler(declaration: Declaration) -> Handler:
    """Return the handler of a declaration's type. Raises UnknownType."""
    handler = _HANDLERS.get(declaration.token)
    if handler is None:
        raise UnknownType(declaration.token, declaration.name)
    return handler
