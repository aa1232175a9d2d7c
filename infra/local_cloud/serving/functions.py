"""The functions of a stack, each behind its front end, and the processes of those that somebody uses."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local_cloud import background
from local_cloud.google.metrics.cloud_run import MeasuredFunction
from local_cloud.google.monitored_resources import MonitoredResource
from local_cloud.processes.supervisor import Supervised, Supervisor
from local_cloud.serving.front_end import FrontEnd

# As long as Cloud Run keeps an instance that answers nothing.
REST_AFTER_SECONDS = 15 * 60.0
LOOK_SECONDS = 30.0

Functions = dict[str, "DeployedFunction"]


@dataclass(frozen=True)
class DeployedFunction:
    """A function that is up. resource: what is measured and logged of it is about."""

    front_end: FrontEnd
    supervised: Supervised
    resource: MonitoredResource

    @property
    def measured(self) -> MeasuredFunction:
        """Return what Cloud Run's metrics are made of."""
        return MeasuredFunction(self.resource, self.front_end.traffic, self.supervised.serves)


def keep_resting(functions: Functions, supervisor: Supervisor, say: Callable[[str], None]) -> "asyncio.Task[None]":
    """Put functions to rest from now on that answer nothing: those at once that have been started only to be tried."""
    _rest_unused(functions, supervisor, 0.0)

    async def look() -> None:
        _rest_unused(functions, supervisor, REST_AFTER_SECONDS)

    return background.start("putting functions to rest", look, LOOK_SECONDS, say=say, first=LOOK_SECONDS)


def _rest_unused(functions: Functions, supervisor: Supervisor, seconds: float) -> None:
    for function in functions.values():
        if function.front_end.unused_for() > seconds:
            supervisor.rest(function.supervised)


def name_by_output(functions: Functions, outputs: Mapping[str, Any]) -> dict[str, DeployedFunction]:
    """Return functions by the names that the program exports them under. outputs: the stack's."""
    by_url = {function.front_end.url: function for function in functions.values()}
    return {str(name): by_url[str(url)] for name, url in (outputs.get("functions") or {}).items()}
