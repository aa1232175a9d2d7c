"""The schema, brought up to date. The platform lets none but the deployer's account call this."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import msgspec

from utxoiq_http import answer, worker
from utxoiq_http import answers as views
from utxoiq_http.access import PUBLIC
from utxoiq_http.answer import Answer
from utxoiq_http.app import App, Opened
from utxoiq_http.cross_origin import CrossOrigin
from utxoiq_http.endpoints import system
from utxoiq_http.links import Base
from utxoiq_http.observability import logs
from utxoiq_http.observability import traces as request_traces
from utxoiq_http.routes import Call, Route
from utxoiq_persistence.access import declared_keys
from utxoiq_persistence.access.declared_keys import DeclaredKey
from utxoiq_persistence.config import DatabaseSettings, database_settings, required
from utxoiq_persistence.errors import ConfigurationError
from utxoiq_persistence.postgres import schema
from utxoiq_persistence.postgres.session import connector
from utxoiq_persistence.writes import audit

worker.keep_quiet()
worker.end_in_order()

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Schema:
    """members: the database user that becomes a member of each group role. keys: the deployment's own."""

    settings: DatabaseSettings
    members: Mapping[str, str]
    keys: Sequence[DeclaredKey]

    async def parts(self) -> dict[str, str]:
        """Raises nothing: a database that cannot be reached is away."""
        return {"database": await asyncio.to_thread(self._state)}

    def _state(self) -> str:
        try:
            connector(self.settings)().close()
        except Exception as error:
            # Whatever keeps a connection from being opened, it is away.
            _log.warning("the database is away: %r", error)
            return "away"
        return "ok"


async def migrate(target: Schema, _: Call[None, None]) -> Answer:
    """Apply the migrations that the database lacks, and declare the deployment's API keys.

    At this function's own URL; two calls at once apply each once.
    """
    upgrade = await asyncio.to_thread(schema.upgrade, target.settings, target.members)
    await asyncio.to_thread(declared_keys.declare, target.settings, target.keys, audit.request_id())
    return answer.of_value(200, {"status": "success", "version": upgrade.version, "applied": upgrade.applied})


def app_of_schema(environment: Mapping[str, str]) -> App[Schema]:
    """Raises ConfigurationError, which names the variable."""
    target = Schema(
        database_settings(environment),
        _members(required(environment, "DB_ROLE_MEMBERS")),
        declared_keys.read(required(environment, "DEPLOYMENT_KEYS")),
    )
    return App(
        system.with_own("migrate", ROUTES),
        lambda: nullcontext(Opened(target, gate=None)),
        base=Base(""),
        log=logs.of_environment(environment),
        cross_origin=CrossOrigin(()),
        requests={},
        traces=request_traces.of_environment(environment),
    )


def _members(text: str) -> dict[str, str]:
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except msgspec.DecodeError as error:
        raise ConfigurationError(
            f'DB_ROLE_MEMBERS takes {{"<group role>": "<database user>", …}} in JSON: {error}'
        ) from None


ROUTES = (Route(method="POST", path="/", handler=migrate, access=PUBLIC, answer=views.Migrated),)
