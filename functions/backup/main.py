"""Backups and their verification. utxoiq_http.endpoints.backup has the endpoints."""

import os

import functions_framework.aio
from starlette.requests import Request

from utxoiq_http.answer import Answer
from utxoiq_http.endpoints.backup import create_backup_app

app = create_backup_app(os.environ)


@functions_framework.aio.http
async def backup(request: Request) -> Answer:
    return await app(request.scope, request.receive)
