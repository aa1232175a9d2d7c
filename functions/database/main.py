"""The function `database`: utxoiq_http.endpoints.database has its endpoints."""

import os

import functions_framework.aio
from starlette.requests import Request

from utxoiq_http.answer import Answer
from utxoiq_http.endpoints.database import create_database_app

app = create_database_app(os.environ)


@functions_framework.aio.http
async def database(request: Request) -> Answer:
    """Answer a request to the fleet metrics endpoints."""
    return await app(request.scope, request.receive)
