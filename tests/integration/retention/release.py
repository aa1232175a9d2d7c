"""A step of retention taken by the code of some release, in a process of its own: `release.py STEP` with JSON on stdin.

Its folder `functions` is the process's PYTHONPATH. Prints what the step answers as JSON, or `refused: …`.
"""

import asyncio
import json
import sys
from datetime import UTC, datetime
from typing import Any

import msgspec

from utxoiq_persistence.archive.bucket import ArchiveBucket
from utxoiq_persistence.archive.retention import Retention
from utxoiq_persistence.archive.settings import RetentionSettings
from utxoiq_persistence.config import DatabaseSettings, RedisSettings, Settings
from utxoiq_persistence.errors import PersistenceError
from utxoiq_persistence.store import Store

ALWAYS = (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))


async def take(step: str, order: dict[str, Any]) -> Any:
    """Return what the step `run`, or `restore` of a table, answers."""
    settings = Settings("test", DatabaseSettings(**order["database"]), RedisSettings(**order["redis"]))
    async with Store.opened(settings) as store:
        archive = ArchiveBucket(order["project"], order["bucket"])
        retention = Retention(
            store.database, store.cache, archive, RetentionSettings(order["project"], order["bucket"])
        )
        if step == "run":
            return await retention.run("test")
        return await retention.restore(order["table"], *ALWAYS, keep_days=30)


def _main() -> None:
    try:
        answer = asyncio.run(take(sys.argv[1], json.load(sys.stdin)))
    except PersistenceError as error:
        print(f"refused: {error}")  # noqa: T201
    else:
        print(msgspec.json.encode(answer).decode())  # noqa: T201


if __name__ == "__main__":
    _main()
