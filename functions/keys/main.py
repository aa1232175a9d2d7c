"""Access: API keys and the audit log. utxoiq_http.endpoints.keys has the endpoints."""

import os

import functions_framework.aio
from starlette.requests import Request

from utxoiq_http.answer import Answer
from utxoiq_http.endpoints.keys import ROUTES
from utxoiq_http.serving import app_of_store

app = app_of_store("keys", ROUTES, os.environ)


@functions_framework.aio.http
async def keys(request: Request) -> Answer:
    return await app(request.scope, request.receive)
