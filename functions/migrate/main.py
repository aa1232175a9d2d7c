"""The function `migrate`: utxoiq_http.endpoints.migrate has its endpoints."""

import os

import functions_framework.aio
from starlette.requests import Request

from utxoiq_http.answer import Answer
from utxoiq_http.endpoints.migrate import create_migrate_app

app = create_migrate_app(os.environ)


@functions_framework.aio.http
async def migrate(request: Request) -> Answer:
    """Answer a request to the migration endpoints."""
    return await app(request.scope, request.receive)
