"""httpx's clients, with credentials, retries, and exceptions for errors."""

import asyncio
import time
from collections.abc import Generator
from itertools import count
from typing import Any, Callable, Optional, Union

import httpx

from .errors import error_of
from .retries import Retries, identify

Token = Union[str, Callable[[], str]]


class Credentials(httpx.Auth):
    """An API key of a service, or the ID token of a user or operator. Without either, the caller is anonymous.

    token: the token, or a function that returns one that is valid now; it is called for each attempt.
    """

    def __init__(self, api_key: Optional[str] = None, token: Optional[Token] = None) -> None:
        if api_key is not None and token is not None:
            raise ValueError("give an API key or a token, not both")
        self._api_key = api_key
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add what tells who calls."""
        if self._api_key is not None:
            request.headers["X-API-Key"] = self._api_key
        elif self._token is not None:
            token = self._token() if callable(self._token) else self._token
            request.headers["Authorization"] = f"Bearer {token}"
        yield request


class HttpClient(httpx.Client):
    """Sends requests as often as its retries allow, and raises ApiError for errors."""

    def __init__(self, retries: Retries, **options: Any) -> None:
        super().__init__(**options)
        self._retries = retries

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Return the answer to a request.

        Raises:
            ApiError: The answer's status is 400 or more.
            httpx.TransportError: No answer came.
        """
        identify(request)
        for attempt in count(1):
            try:
                response = super().send(request, **options)
            except httpx.TransportError as error:
                wait = self._retries.after_error(request, error, attempt)
                if wait is None:
                    raise
            else:
                wait = self._retries.after_response(request, response, attempt)
                if wait is None:
                    if response.is_error:
                        response.read()
                        raise error_of(response)
                    return response
                response.close()
            time.sleep(wait)
        raise AssertionError("attempts do not end")


class AsyncHttpClient(httpx.AsyncClient):
    """Does what HttpClient does, for asyncio."""

    def __init__(self, retries: Retries, **options: Any) -> None:
        super().__init__(**options)
        self._retries = retries

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Return the answer to a request.

        Raises:
            ApiError: The answer's status is 400 or more.
            httpx.TransportError: No answer came.
        """
        identify(request)
        for attempt in count(1):
            try:
                response = await super().send(request, **options)
            except httpx.TransportError as error:
                wait = self._retries.after_error(request, error, attempt)
                if wait is None:
                    raise
            else:
                wait = self._retries.after_response(request, response, attempt)
                if wait is None:
                    if response.is_error:
                        await response.aread()
                        raise error_of(response)
                    return response
                await response.aclose()
            await asyncio.sleep(wait)
        raise AssertionError("attempts do not end")
