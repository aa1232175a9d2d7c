"""The function `metrics`: utxoiq_http.endpoints.metrics has its endpoints."""

import os

import functions_framework.aio
from starlette.requests import Request

from utxoiq_http.answer import Answer
from utxoiq_http.endpoints.metrics import ROUTES
from utxoiq_http.serving import create_store_app

app = create_store_app("metrics", ROUTES, os.environ)


@functions_framework.aio.http
async def metrics(request: Request) -> Answer:
    """Answer a request to the system metrics endpoints."""
    return await app(request.scope, request.receive)
