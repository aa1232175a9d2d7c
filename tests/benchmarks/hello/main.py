"""A function that says hello and nothing else: what functions-framework itself takes of a request."""

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response


@functions_framework.aio.http
async def hello(request: Request) -> Response:
    """Say hello."""
    return Response(b"hello")
