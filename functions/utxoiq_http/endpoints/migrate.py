"""The migration endpoint. The platform allows only the deployer's account to call it."""

import asyncio
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
from utxoiq_persistence.parts import Parts
from utxoiq_persistence.postgres import schema
from utxoiq_persistence.postgres.session import connector
from utxoiq_persistence.writes import audit

worker.set_server_options()
worker.exit_normally_on_sigterm()


@dataclass(frozen=True)
class Schema:
    """Names the database to migrate, and what the deployment declares in it.

    `members` has the database user that becomes a member of each group role; `keys` are the deployment's own API keys.
    """

    settings: DatabaseSettings
    members: Mapping[str, str]
    keys: Sequence[DeclaredKey]
    looked_at: Parts

    async def parts(self) -> dict[str, str]:
        """Return the state of the database: `away` if it cannot be reached, else `ok`. Raises nothing."""
        return await self.looked_at.states()


async def apply_migrations(target: Schema, _: Call[None, None]) -> Answer:
    """Apply the pending migrations, and declare the deployment's API keys.

    Call this at the URL of the migrate function. Concurrent calls apply each migration once.
    """
    upgrade = await asyncio.to_thread(schema.upgrade, target.settings, target.members)
    await asyncio.to_thread(declared_keys.declare, target.settings, target.keys, audit.request_id())
    return answer.from_value(200, {"status": "success", "version": upgrade.version, "applied": upgrade.applied})


def create_migrate_app(environment: Mapping[str, str]) -> App[Schema]:
    """Return the app of the migrate function. Raises ConfigurationError, which names the wrong variable."""
    settings = database_settings(environment)
    target = Schema(
        settings,
        _members(required(environment, "DB_ROLE_MEMBERS")),
        declared_keys.read(required(environment, "DEPLOYMENT_KEYS")),
        Parts({"database": lambda: asyncio.to_thread(lambda: connector(settings)().close())}),
    )
    return App(
        system.add_system_routes("migrate", ROUTES),
        lambda: nullcontext(Opened(target, gate=None)),
        base=Base(""),
        log=logs.from_environment(environment),
        cross_origin=CrossOrigin(()),
        requests={},
        traces=request_traces.from_environment(environment),
    )


def _members(text: str) -> dict[str, str]:
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except msgspec.DecodeError as error:
        raise ConfigurationError(
            f'DB_ROLE_MEMBERS takes {{"<group role>": "<database user>", …}} in JSON: {error}'
        ) from None


ROUTES = (Route(method="POST", path="/", handler=apply_migrations, access=PUBLIC, answer=views.Migrated),)
