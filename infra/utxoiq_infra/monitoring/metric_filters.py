"""How a stack's time series are found among those of its project, which other stacks may share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from utxoiq_infra.configuration.catalog import FunctionSpec
from utxoiq_infra.configuration.settings import Configuration

CUSTOM = "custom.googleapis.com/utxoiq/"
FLEET = "fleet"  # the task that figures of the whole are published as
TASK = "generic_task"
REVISION = "cloud_run_revision"
JOB = "cloud_scheduler_job"
DATABASE = "cloudsql_database"
CACHE = "redis_instance"
UPTIME = "uptime_url"

Wanted = str | Sequence[str]


@dataclass(frozen=True)
class Series:
    """Time series and what becomes of them: aligned to one value a period, and reduced to one series for each group.

    period: seconds. An alert's is a window that slides, so that its newest value is always whole.
    """

    filter: pulumi.Input[str]
    aligner: str
    period: int
    reducer: str = "REDUCE_NONE"
    by: tuple[str, ...] = ()


class Filters:
    """Each method chooses a metric of one kind of resource. labels: of the metric; several values: any of them."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self.replicas = (f"{self._instance}-replica",) if configuration.database.replica_region else ()

    @property
    def _instance(self) -> str:
        return f"{self._configuration.project}:{self._configuration.prefix}"

    def instances(self, metric: str, functions: Sequence[FunctionSpec] = (), **labels: Wanted) -> str:
        """What every instance of the functions publishes; of all functions where none is named."""
        resource: dict[str, Wanted] = {"namespace": self._configuration.prefix}
        if functions:
            resource["job"] = self._names(functions)
        return chosen(CUSTOM + metric, TASK, resource, labels)

    def whole(self, metric: str, **labels: Wanted) -> str:
        """What is published once for the whole system."""
        resource: dict[str, Wanted] = {"namespace": self._configuration.prefix, "task_id": FLEET}
        return chosen(CUSTOM + metric, TASK, resource, labels)

    def services(self, metric: str, functions: Sequence[FunctionSpec], **labels: Wanted) -> str:
        """What Cloud Run publishes of the functions."""
        return chosen(f"run.googleapis.com/{metric}", REVISION, {"service_name": self._names(functions)}, labels)

    def databases(self, metric: str, **labels: Wanted) -> str:
        """Of the primary and its replica."""
        databases = {"database_id": (self._instance, *self.replicas)}
        return chosen(f"cloudsql.googleapis.com/database/{metric}", DATABASE, databases, labels)

    def database(self, metric: str, **labels: Wanted) -> str:
        return chosen(f"cloudsql.googleapis.com/database/{metric}", DATABASE, {"database_id": self._instance}, labels)

    def replica(self, metric: str) -> str:
        return chosen(f"cloudsql.googleapis.com/database/{metric}", DATABASE, {"database_id": self.replicas}, {})

    def cache(self, metric: str, **labels: Wanted) -> str:
        configuration = self._configuration
        instance = f"projects/{configuration.project}/locations/{configuration.region}/instances/{configuration.prefix}"
        return chosen(f"redis.googleapis.com/{metric}", CACHE, {"instance_id": instance}, labels)

    def logged(self, metric: str, resource: str, **of_resource: Wanted) -> str:
        """A metric that is made from logs; its name is the stack's."""
        return chosen(f"logging.googleapis.com/user/{self._configuration.prefix}-{metric}", resource, of_resource, {})

    def _names(self, functions: Sequence[FunctionSpec]) -> tuple[str, ...]:
        return tuple(self._configuration.function_name(spec) for spec in functions)


def chosen(metric: str, resource: str, of_resource: Mapping[str, Wanted], of_metric: Mapping[str, Wanted]) -> str:
    return " AND ".join(
        (
            f'metric.type = "{metric}"',
            f'resource.type = "{resource}"',
            *(f"resource.labels.{label} = {_wanted(value)}" for label, value in of_resource.items()),
            *(f"metric.labels.{label} = {_wanted(value)}" for label, value in of_metric.items()),
        )
    )


def _wanted(value: Wanted) -> str:
    values = (value,) if isinstance(value, str) else tuple(value)
    quoted = ", ".join(f'"{one}"' for one in values)
    return quoted if len(values) == 1 else f"one_of({quoted})"
