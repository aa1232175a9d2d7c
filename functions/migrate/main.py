"""The schema, brought up to date from inside the network. utxoiq_http.endpoints.migrate has the endpoint."""

import os

import functions_framework.aio
from starlette.requests import Request

from utxoiq_http.answer import Answer
from utxoiq_http.endpoints.migrate import create_migrate_app

app = create_migrate_app(os.environ)


@functions_framework.aio.http
async def migrate(request: Request) -> Answer:
    return await app(request.scope, request.receive)
