"""The keeper's endpoint. The platform allows only the scheduler's account to call it."""

import asyncio
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass

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
from utxoiq_persistence.archive import expunging
from utxoiq_persistence.archive.expunging import ExpungingSettings
from utxoiq_persistence.backup import keeping
from utxoiq_persistence.backup.keeping import KeeperSettings
from utxoiq_persistence.parts import Parts

worker.set_server_options()
worker.exit_normally_on_sigterm()


@dataclass(frozen=True)
class Keeper:
    """Names the instance whose backups expire, and the archive that may hold objects in clear."""

    settings: KeeperSettings
    archive: ExpungingSettings
    looked_at: Parts

    async def parts(self) -> dict[str, str]:
        """Return the state of each part that the function needs: it needs none to be healthy."""
        return await self.looked_at.states()


async def expire_backups(keeper: Keeper, _: Call[None, None]) -> Answer:
    """Delete the oldest on-demand backup beyond the newest eight, once it is 28 days old. Called by Cloud Scheduler.

    Call this at the URL of the keeper function.
    """
    deleted = await asyncio.to_thread(keeping.expire_backups, keeper.settings)
    return answer.from_value(200, {"status": "success", "message": f"{deleted} backups deleted"})


async def expunge_objects(keeper: Keeper, _: Call[None, None]) -> Answer:
    """Remove from the archive what it holds of persons in clear, a week after retention has withdrawn it.

    Called by Cloud Scheduler, at the URL of the keeper function.
    """
    done = await asyncio.to_thread(expunging.expunge, keeper.archive)
    message = f"{done.removed} objects removed; a retention policy keeps {done.kept}"
    return answer.from_value(200, {"status": "success", "message": message})


def create_keeper_app(environment: Mapping[str, str]) -> App[Keeper]:
    """Return the app of the keeper function. Raises ConfigurationError, which names the wrong variable."""
    keeper = Keeper(
        KeeperSettings.from_environment(environment), ExpungingSettings.from_environment(environment), Parts({})
    )
    return App(
        system.add_system_routes("keeper", PRIVATE_ROUTES),
        lambda: nullcontext(Opened(keeper, gate=None)),
        base=Base(""),
        log=logs.from_environment(environment),
        cross_origin=CrossOrigin(()),
        requests={},
        traces=request_traces.from_environment(environment),
    )


# Not in the document of the API, nor behind its one URL: Cloud Scheduler is the only client.
PRIVATE_ROUTES = (
    Route(method="POST", path="/expire-backups", handler=expire_backups, access=PUBLIC, answer=views.Done),
    Route(method="POST", path="/expunge-objects", handler=expunge_objects, access=PUBLIC, answer=views.Done),
)
