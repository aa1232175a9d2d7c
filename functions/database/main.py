"""The fleet's figures. utxoiq_http.endpoints.database has the endpoints."""

import os

import functions_framework.aio
from starlette.requests import Request

from utxoiq_http.answer import Answer
from utxoiq_http.endpoints.database import app_of_database

app = app_of_database(os.environ)


@functions_framework.aio.http
async def database(request: Request) -> Answer:
    return await app(request.scope, request.receive)
