"""Access: API keys and the audit log. utxoiq_http.endpoints.keys has the endpoints."""

import os

import functions_framework.aio
from starlette.requests import Request

from utxoiq_http.answer import Answer
from utxoiq_http.endpoints.keys import ROUTES
from utxoiq_http.serving import create_store_app

app = create_store_app("keys", ROUTES, os.environ)


@functions_framework.aio.http
async def keys(request: Request) -> Answer:
    return await app(request.scope, request.receive)
