"""The function `console`, the operators' web console: utxoiq_console has its pages."""

import os

import functions_framework.aio
from starlette.requests import Request
from starlette.responses import Response

from utxoiq_console.app import build_console_app

app = build_console_app(os.environ)


@functions_framework.aio.http
async def console(request: Request) -> Response:
    """Answer a request to the console's pages."""
    return await app(request)
