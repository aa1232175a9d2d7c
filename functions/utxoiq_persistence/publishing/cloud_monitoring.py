"""Writes to Cloud Monitoring by Google's client library, whose import and calls are kept in threads."""

import asyncio
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from utxoiq_persistence.errors import NotPublished
from utxoiq_persistence.figures import Histogram
from utxoiq_persistence.publishing import distributions
from utxoiq_persistence.publishing.published_metrics import PREFIX
from utxoiq_persistence.publishing.settings import PublishSettings
from utxoiq_persistence.publishing.time_series import SeriesPoint
from utxoiq_persistence.publishing.windows import wait_for_all

if TYPE_CHECKING:
    from google.cloud import monitoring_v3
    from google.cloud.monitoring_v3 import TypedValue

# The API accepts no more.
SERIES_A_CALL = 200
DEADLINE_SECONDS = 20.0
RESOURCE = "generic_task"
# By default a lost connection is retried less and less often, every two minutes in the end.
CHANNEL = (("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 1000))
# The reasons of a refusal because the series has a point of this time, or of a later one, already.
WRITTEN = ("Points must be written in order", "written more frequently than the maximum sampling period")


class CloudMonitoring:
    """Writes time series. The first write makes the client, whose channel stays open."""

    def __init__(self, settings: PublishSettings) -> None:
        self._settings = settings
        self._client: monitoring_v3.MetricServiceClient | None = None
        self._making = threading.Lock()

    async def write(self, series: Sequence[SeriesPoint], end: float) -> None:
        """Write the point of each series as of `end`, in seconds since 1970.

        A series that has a point of that time or later is left as it is; one that began since is left for the next
        write. Raises NotPublished, after all were tried.
        """
        due = [one for one in series if one.start is None or one.start < end]
        deadline = time.monotonic() + DEADLINE_SECONDS
        calls = (due[first : first + SERIES_A_CALL] for first in range(0, len(due), SERIES_A_CALL))
        await wait_for_all(*(asyncio.to_thread(self._write, call, end, deadline) for call in calls))

    def _write(self, series: Sequence[SeriesPoint], end: float, deadline: float) -> None:
        from google.api_core.exceptions import GoogleAPICallError, InvalidArgument
        from google.auth.exceptions import GoogleAuthError

        request = self._request(series, end)
        try:
            client = self._connected()
            client.create_time_series(request, timeout=max(0.001, deadline - time.monotonic()))
        except InvalidArgument as error:
            if not _were_written(error.message):
                raise NotPublished(f"Cloud Monitoring did not take all series: {error.message[:1000]}") from error
        except (GoogleAPICallError, GoogleAuthError) as error:
            raise NotPublished(f"Cloud Monitoring was not written to: {error}") from error

    def _connected(self) -> "monitoring_v3.MetricServiceClient":
        """Return the client. Raises GoogleAuthError if there are no credentials."""
        with self._making:
            if self._client is None:
                self._client = _client(self._settings.endpoint)
            return self._client

    def _request(self, series: Sequence[SeriesPoint], end: float) -> "monitoring_v3.CreateTimeSeriesRequest":
        from google.api.metric_pb2 import MetricDescriptor  # type: ignore[import-untyped]
        from google.cloud import monitoring_v3

        settings = self._settings
        request = monitoring_v3.CreateTimeSeriesRequest(name=f"projects/{settings.project}")
        # Filled below the library's wrappers, which take three times as long.
        message = monitoring_v3.CreateTimeSeriesRequest.pb(request)
        for one in series:
            entry = message.time_series.add()
            entry.metric.type = PREFIX + one.metric.name
            entry.metric.labels.update(zip(one.metric.labels, one.values, strict=True))
            entry.resource.type = RESOURCE
            entry.resource.labels.update(
                {
                    "project_id": settings.project,
                    "location": settings.location,
                    "namespace": settings.namespace,
                    "job": one.job or settings.namespace,
                    "task_id": one.task,
                }
            )
            entry.metric_kind = MetricDescriptor.MetricKind.Value(one.metric.kind)
            entry.value_type = MetricDescriptor.ValueType.Value(one.metric.value_type)
            entry.unit = one.metric.unit
            point = entry.points.add()
            point.interval.end_time.FromNanoseconds(round(end * 1e9))
            if one.start is not None:
                point.interval.start_time.FromNanoseconds(round(one.start * 1e9))
            _set(point.value, one)
        return request


def _client(endpoint: str | None) -> "monitoring_v3.MetricServiceClient":
    import grpc  # type: ignore[import-untyped]
    from google.cloud.monitoring_v3 import MetricServiceClient
    from google.cloud.monitoring_v3.services.metric_service.transports import MetricServiceGrpcTransport

    if endpoint is None:
        channel = MetricServiceGrpcTransport.create_channel(options=CHANNEL)
    else:
        channel = grpc.insecure_channel(endpoint, CHANNEL)
    return MetricServiceClient(transport=MetricServiceGrpcTransport(channel=channel))


def _set(value: "TypedValue", one: SeriesPoint) -> None:
    if isinstance(one.value, Histogram):
        found = distributions.from_histogram(one.value)
        distribution = value.distribution_value
        distribution.count = found.total
        distribution.mean = found.mean
        distribution.sum_of_squared_deviation = found.squared_deviation
        distribution.bucket_options.exponential_buckets.num_finite_buckets = distributions.FINITE_BUCKETS
        distribution.bucket_options.exponential_buckets.growth_factor = distributions.GROWTH
        distribution.bucket_options.exponential_buckets.scale = distributions.SCALE
        distribution.bucket_counts.extend(found.bucket_counts)
    elif one.metric.value_type == "INT64":
        value.int64_value = int(one.value)
    else:
        value.double_value = one.value


def _were_written(message: str) -> bool:
    """Return whether a refusal, which gives a reason for each group of series it names, has no other reason."""
    return 0 < message.count("timeSeries[") <= sum(message.count(reason) for reason in WRITTEN)
