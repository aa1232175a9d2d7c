"""The function `feedback`: utxoiq_http.endpoints.feedback has its endpoints."""

import os

import functions_framework.aio
from starlette.requests import Request

from utxoiq_http.answer import Answer
from utxoiq_http.endpoints.feedback import create_feedback_app

app = create_feedback_app(os.environ)


@functions_framework.aio.http
async def feedback(request: Request) -> Answer:
    """Answer a request to the feedback endpoints."""
    return await app(request.scope, request.receive)
