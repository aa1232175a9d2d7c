"""The function `console`, the operators' web console: utxoiq_console has its pages."""

import os

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from utxoiq_console.app import app_of_console

app = app_of_console(os.environ)


@functions_framework.aio.http
async def console(request: Request) -> Response:
    """Answer a request to the console's pages."""
    return await app(request)
