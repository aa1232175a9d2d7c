"""The function `keys`: utxoiq_http.endpoints.keys has its endpoints."""

import os

import functions_framework.aio
from starlette.requests import Request

from utxoiq_http.answer import Answer
from utxoiq_http.endpoints.keys import ROUTES
from utxoiq_http.serving import create_store_app

app = create_store_app("keys", ROUTES, os.environ)


@functions_framework.aio.http
async def keys(request: Request) -> Answer:
    """Answer a request to the API key and audit log endpoints."""
    return await app(request.scope, request.receive)
