"""The functions of a stack, each behind its front end."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local_cloud.google.metrics.cloud_run import MeasuredFunction
from local_cloud.google.monitored_resources import MonitoredResource
from local_cloud.processes.supervisor import Supervised
from local_cloud.serving.front_end import FrontEnd

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


def name_by_output(functions: Functions, outputs: Mapping[str, Any]) -> dict[str, DeployedFunction]:
    """Return functions by the names that the program exports them under. outputs: the stack's."""
    by_url = {function.front_end.url: function for function in functions.values()}
    return {str(name): by_url[str(url)] for name, url in (outputs.get("functions") or {}).items()}
