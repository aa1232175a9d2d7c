"""The fleet's figures. utxoiq_http.endpoints.database has the endpoints."""

import os

import functions_framework.aio
from starlette.requests import Request

from utxoiq_http.answer import Answer
from utxoiq_http.endpoints.database import create_database_app

app = create_database_app(os.environ)


@functions_framework.aio.http
async def database(request: Request) -> Answer:
    return await app(request.scope, request.receive)
