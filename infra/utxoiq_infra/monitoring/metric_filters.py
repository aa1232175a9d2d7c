"""Monitoring filters that select a stack's time series among those of its project, which other stacks may share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from utxoiq_infra.configuration.catalog import FunctionSpec
from utxoiq_infra.configuration.settings import Configuration

CUSTOM = "custom.googleapis.com/utxoiq/"
# The task of the series about the system as a whole.
FLEET = "fleet"
TASK = "generic_task"
REVISION = "cloud_run_revision"
JOB = "cloud_scheduler_job"
DATABASE = "cloudsql_database"
CACHE = "redis_instance"
UPTIME = "uptime_url"

LabelValues = str | Sequence[str]


@dataclass(frozen=True)
class SeriesQuery:
    """A query of time series: aligned to one value a period, and reduced to one series for each group.

    The period is in seconds. An alert's is a sliding window, so its newest value always covers a whole period.
    """

    filter: pulumi.Input[str]
    aligner: str
    period: int
    reducer: str = "REDUCE_NONE"
    by: tuple[str, ...] = ()


class Filters:
    """Builds filters: each method selects a metric of one kind of resource. A label with several values matches any."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self.replicas = (f"{self._instance}-replica",) if configuration.database.replica_region else ()

    @property
    def _instance(self) -> str:
        return f"{self._configuration.project}:{self._configuration.prefix}"

    def instances(self, metric: str, functions: Sequence[FunctionSpec] = (), **labels: LabelValues) -> str:
        """Return the filter for a metric of every instance of the functions, of all functions if none is given."""
        resource: dict[str, LabelValues] = {"namespace": self._configuration.prefix}
        if functions:
            resource["job"] = self._names(functions)
        return build_filter(CUSTOM + metric, TASK, resource, labels)

    def whole(self, metric: str, **labels: LabelValues) -> str:
        """Return the filter for a metric that is published once for the whole system."""
        resource: dict[str, LabelValues] = {"namespace": self._configuration.prefix, "task_id": FLEET}
        return build_filter(CUSTOM + metric, TASK, resource, labels)

    def services(self, metric: str, functions: Sequence[FunctionSpec], **labels: LabelValues) -> str:
        """Return the filter for a metric of Cloud Run about the functions."""
        return build_filter(f"run.googleapis.com/{metric}", REVISION, {"service_name": self._names(functions)}, labels)

    def databases(self, metric: str, **labels: LabelValues) -> str:
        """Return the filter for a metric of Cloud SQL about the primary and its replica."""
        databases = {"database_id": (self._instance, *self.replicas)}
        return build_filter(f"cloudsql.googleapis.com/database/{metric}", DATABASE, databases, labels)

    def database(self, metric: str, **labels: LabelValues) -> str:
        """Return the filter for a metric of Cloud SQL about the primary."""
        return build_filter(
            f"cloudsql.googleapis.com/database/{metric}", DATABASE, {"database_id": self._instance}, labels
        )

    def replica(self, metric: str) -> str:
        """Return the filter for a metric of Cloud SQL about the replica."""
        return build_filter(f"cloudsql.googleapis.com/database/{metric}", DATABASE, {"database_id": self.replicas}, {})

    def cache(self, metric: str, **labels: LabelValues) -> str:
        """Return the filter for a metric of Memorystore."""
        configuration = self._configuration
        instance = f"projects/{configuration.project}/locations/{configuration.region}/instances/{configuration.prefix}"
        return build_filter(f"redis.googleapis.com/{metric}", CACHE, {"instance_id": instance}, labels)

    def logged(self, metric: str, resource: str, **resource_labels: LabelValues) -> str:
        """Return the filter for a metric of the stack that is made from logs."""
        return build_filter(
            f"logging.googleapis.com/user/{self._configuration.prefix}-{metric}", resource, resource_labels, {}
        )

    def _names(self, functions: Sequence[FunctionSpec]) -> tuple[str, ...]:
        return tuple(self._configuration.function_name(spec) for spec in functions)


def build_filter(
    metric: str, resource: str, resource_labels: Mapping[str, LabelValues], metric_labels: Mapping[str, LabelValues]
) -> str:
    """Return the filter for a metric of a kind of resource with these labels."""
    return " AND ".join(
        (
            f'metric.type = "{metric}"',
            f'resource.type = "{resource}"',
            *(f"resource.labels.{label} = {_quote(value)}" for label, value in resource_labels.items()),
            *(f"metric.labels.{label} = {_quote(value)}" for label, value in metric_labels.items()),
        )
    )


def _quote(value: LabelValues) -> str:
    values = (value,) if isinstance(value, str) else tuple(value)
    quoted = ", ".join(f'"{one}"' for one in values)
    return quoted if len(values) == 1 else f"one_of({quoted})"
