"""The function `keeper`: utxoiq_http.endpoints.keeper has its endpoint."""

import os

import functions_framework.aio
from starlette.requests import Request

from utxoiq_http.answer import Answer
from utxoiq_http.endpoints.keeper import create_keeper_app

app = create_keeper_app(os.environ)


@functions_framework.aio.http
async def keeper(request: Request) -> Answer:
    """Answer a request to the keeper endpoint."""
    return await app(request.scope, request.receive)
