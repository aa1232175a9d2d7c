"""The function `backup`: utxoiq_http.endpoints.backup has its endpoints."""

import os

import functions_framework.aio
from starlette.requests import Request

from utxoiq_http.answer import Answer
from utxoiq_http.endpoints.backup import create_backup_app

app = create_backup_app(os.environ)


@functions_framework.aio.http
async def backup(request: Request) -> Answer:
    """Answer a request to the backup endpoints."""
    return await app(request.scope, request.receive)
