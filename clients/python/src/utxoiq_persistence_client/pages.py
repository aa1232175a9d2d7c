"""Pages of a list, one after the other, by the Link header."""

from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any, Callable, Optional, TypeVar, Union, cast

import httpx
from typing_extensions import ParamSpec

from .client import result
from .generated.models import ProblemDetails
from .generated.types import Response

P = ParamSpec("P")
Page = TypeVar("Page")


def pages(
    operation: Callable[P, Response[Union[ProblemDetails, Page]]], *args: P.args, **kwargs: P.kwargs
) -> Iterator[Page]:
    """Yield every page of a list; rows that are added meanwhile change nothing in the pages that follow.

    operation: the `sync_detailed` of a generated operation that lists; its arguments follow.
    """
    parameters = cast("dict[str, Any]", kwargs)
    while True:
        answer = operation(*args, **parameters)
        yield result(answer)
        cursor = next_cursor(answer)
        if cursor is None:
            return
        parameters = {**parameters, "cursor": cursor}


async def async_pages(
    operation: Callable[P, Awaitable[Response[Union[ProblemDetails, Page]]]], *args: P.args, **kwargs: P.kwargs
) -> AsyncIterator[Page]:
    """Do what `pages` does, with an operation's `asyncio_detailed`."""
    parameters = cast("dict[str, Any]", kwargs)
    while True:
        answer = await operation(*args, **parameters)
        yield result(answer)
        cursor = next_cursor(answer)
        if cursor is None:
            return
        parameters = {**parameters, "cursor": cursor}


def next_cursor(answer: Response[Any]) -> Optional[str]:
    """Return the cursor of the next page from an answer's Link header, or None after the last page."""
    links = httpx.Response(200, headers={"Link": answer.headers.get("link", "")}).links
    target = links.get("next", {}).get("url")
    return None if target is None else httpx.URL(target).params["cursor"]
