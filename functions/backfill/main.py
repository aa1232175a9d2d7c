"""The function `backfill`: utxoiq_http.endpoints.backfill has its endpoints."""

import os

import functions_framework.aio
from starlette.requests import Request

from utxoiq_http.answer import Answer
from utxoiq_http.endpoints.backfill import ROUTES
from utxoiq_http.serving import create_store_app

app = create_store_app("backfill", ROUTES, os.environ)


@functions_framework.aio.http
async def backfill(request: Request) -> Answer:
    """Answer a request to the backfill job endpoints."""
    return await app(request.scope, request.receive)
