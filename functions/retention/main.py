"""The function `retention`: utxoiq_http.endpoints.retention has its endpoints."""

import os

import functions_framework.aio
from starlette.requests import Request

from utxoiq_http.answer import Answer
from utxoiq_http.endpoints.retention import create_retention_app

app = create_retention_app(os.environ)


@functions_framework.aio.http
async def retention(request: Request) -> Answer:
    """Answer a request to the retention endpoints."""
    return await app(request.scope, request.receive)
