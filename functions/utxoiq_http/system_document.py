"""The OpenAPI document of the whole system: `python -m utxoiq_http.system_document docs/openapi.json` writes it."""

import sys
from pathlib import Path
from typing import Any

import msgspec

from utxoiq_http import openapi
from utxoiq_http.endpoints import backfill, backup, database, feedback, keys, metrics, migrate, retention, system
from utxoiq_http.routes import Route

TITLE = "utxoIQ persistence"


def system_routes() -> list[Route[Any]]:
    """Return the routes of all functions; those that every function has, health and documentation, once."""
    own: list[Route[Any]] = [
        *backfill.ROUTES,
        *feedback.ROUTES,
        *metrics.ROUTES,
        *database.ROUTES,
        *keys.ROUTES,
        *retention.ROUTES,
        *backup.ROUTES,
    ]
    return [*system.with_own(TITLE, own), *migrate.ROUTES]


def text() -> bytes:
    """Return the document as indented JSON."""
    return msgspec.json.format(openapi.encode(openapi.document(TITLE, system_routes())), indent=2) + b"\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(text())
