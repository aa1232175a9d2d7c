"""MetricService of google.monitoring.v3 over gRPC, as Google's client libraries speak it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import grpc  # type: ignore[import-untyped]
from google.api import distribution_pb2, label_pb2, metric_pb2, monitored_resource_pb2  # type: ignore[import-untyped]
from google.cloud.monitoring_v3.types import common, metric_service
from google.protobuf import empty_pb2  # type: ignore[import-untyped]
from google.rpc import status_pb2  # type: ignore[import-untyped]

from local_cloud.google.filters.errors import BadFilter
from local_cloud.google.monitoring import listing
from local_cloud.google.monitoring.aggregation import NO_ALIGNER, NO_REDUCER, Aggregation, BadAggregation
from local_cloud.google.monitoring.descriptors import CUSTOM, GOOGLES, RESOURCES, Descriptor
from local_cloud.google.monitoring.filters import Field, Filter
from local_cloud.google.monitoring.points import Distribution, Identity, MetricKind, Point, Value, ValueType
from local_cloud.google.monitoring.store import Rejected, TimeSeries, TimeSeriesStore

SERVICE = "google.monitoring.v3.MetricService"
MAX_SERIES = 200
MAX_BUCKETS = 200
INVALID = grpc.StatusCode.INVALID_ARGUMENT
_KINDS = metric_pb2.MetricDescriptor.MetricKind
_TYPES = metric_pb2.MetricDescriptor.ValueType


class _Failed(Exception):
    def __init__(self, code: grpc.StatusCode, message: str, details: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


class MetricServer:
    """Serves MetricService. address: of gRPC, such as unix:/path."""

    def __init__(self, store: TimeSeriesStore, address: str, interceptors: Sequence[Any] = ()) -> None:
        self._address = address
        self._calls = _Calls(store)
        self._server = grpc.aio.server(interceptors=interceptors, options=[("grpc.so_reuseport", 0)])
        requests: dict[str, tuple[Any, Callable[[Any], Any]]] = {
            "CreateTimeSeries": (metric_service.CreateTimeSeriesRequest, self._calls.create_time_series),
            "ListTimeSeries": (metric_service.ListTimeSeriesRequest, self._calls.list_time_series),
            "CreateMetricDescriptor": (metric_service.CreateMetricDescriptorRequest, self._calls.create_descriptor),
            "GetMetricDescriptor": (metric_service.GetMetricDescriptorRequest, self._calls.get_descriptor),
            "ListMetricDescriptors": (metric_service.ListMetricDescriptorsRequest, self._calls.list_descriptors),
            "ListMonitoredResourceDescriptors": (
                metric_service.ListMonitoredResourceDescriptorsRequest,
                self._calls.list_resources,
            ),
        }
        methods = {
            name: grpc.unary_unary_rpc_method_handler(
                _answer_errors(call),
                request_deserializer=request.pb().FromString,
                response_serializer=lambda answer: answer.SerializeToString(),
            )
            for name, (request, call) in requests.items()
        }
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))

    async def start(self) -> None:
        """Listen. Raises RuntimeError if the address is taken."""
        self._server.add_insecure_port(self._address)
        await self._server.start()

    async def stop(self) -> None:
        """Stop listening."""
        await self._server.stop(None)


def _answer_errors(call: Callable[[Any], Any]) -> Callable[[Any, Any], Awaitable[Any]]:
    async def answer(request: Any, context: Any) -> Any:
        try:
            return call(request)
        except _Failed as failure:
            status = status_pb2.Status(code=failure.code.value[0], message=str(failure))
            for detail in failure.details:
                status.details.add().Pack(detail)
            metadata = (("grpc-status-details-bin", status.SerializeToString()),)
            await context.abort(failure.code, str(failure), metadata)
        except (BadFilter, BadAggregation, listing.BadRequest, Rejected) as error:
            await context.abort(INVALID, str(error))

    return answer


class _Calls:
    def __init__(self, store: TimeSeriesStore) -> None:
        self._store = store

    def create_time_series(self, request: Any) -> Any:
        self._check_project(request.name)
        if len(request.time_series) > MAX_SERIES:
            raise _Failed(
                INVALID,
                f"Field timeSeries had an invalid value: A maximum of {MAX_SERIES} TimeSeries can be written in a "
                "single request.",
            )
        written: set[Identity] = set()
        refused: dict[str, list[int]] = {}
        for index, series in enumerate(request.time_series):
            try:
                self._write(series, written)
            except Rejected as rejection:
                refused.setdefault(str(rejection), []).append(index)
        if refused:
            raise _describe_rejections(len(request.time_series), refused)
        return empty_pb2.Empty()

    def list_time_series(self, request: Any) -> Any:
        self._check_project(request.name)
        view = metric_service.ListTimeSeriesRequest.TimeSeriesView(request.view)
        if request.order_by:
            raise _Failed(INVALID, "Field order_by had an invalid value: it is not supported.")
        aggregations = [
            _read_aggregation(getattr(request, name))
            for name in ("aggregation", "secondary_aggregation")
            if request.HasField(name)
        ]
        page = listing.page(
            self._store,
            listing.ListRequest(
                filter=request.filter,
                end=_to_seconds(request.interval.end_time),
                start=_to_seconds(request.interval.start_time) if request.interval.HasField("start_time") else None,
                aggregations=aggregations,
                headers=view == metric_service.ListTimeSeriesRequest.TimeSeriesView.HEADERS,
                page_size=request.page_size,
                page_token=request.page_token,
            ),
        )
        answer = metric_service.ListTimeSeriesResponse.pb()(next_page_token=page.next_token)
        for series, points in page.series:
            _fill_series(answer.time_series.add(), series, points)
        return answer

    def create_descriptor(self, request: Any) -> Any:
        self._check_project(request.name)
        given = request.metric_descriptor
        kind, value_type = _KINDS.Name(given.metric_kind), _TYPES.Name(given.value_type)
        if kind not in MetricKind.__members__ or value_type not in ValueType.__members__:
            raise Rejected(f"The local Monitoring does not know metrics that are {kind} {value_type}.")
        described = self._store.describe(
            Descriptor(
                type=given.type,
                kind=MetricKind(kind),
                value_type=ValueType(value_type),
                labels={label.key: label.description for label in given.labels},
                unit=given.unit,
                description=given.description,
                display_name=given.display_name,
            )
        )
        return self._show_descriptor(described)

    def get_descriptor(self, request: Any) -> Any:
        project, _, metric_type = request.name.partition("/metricDescriptors/")
        self._check_project(project)
        descriptor = self._store.descriptor(metric_type)
        if descriptor is None:
            raise _Failed(grpc.StatusCode.NOT_FOUND, f"Could not find descriptor for metric '{metric_type}'.")
        return self._show_descriptor(descriptor)

    def list_descriptors(self, request: Any) -> Any:
        self._check_project(request.name)
        everything = {**GOOGLES, **self._store.descriptors}
        matches = Filter.parse(request.filter).matches if request.filter else lambda identity: True
        chosen = [one for name, one in sorted(everything.items()) if matches(Identity(name, (), "", ()))]
        first = int(request.page_token) if request.page_token.isdigit() else 0
        last = first + (request.page_size or len(chosen))
        return metric_service.ListMetricDescriptorsResponse.pb()(
            metric_descriptors=[self._show_descriptor(descriptor) for descriptor in chosen[first:last]],
            next_page_token=str(last) if last < len(chosen) else "",
        )

    def list_resources(self, request: Any) -> Any:
        self._check_project(request.name)
        return metric_service.ListMonitoredResourceDescriptorsResponse.pb()(
            resource_descriptors=[
                monitored_resource_pb2.MonitoredResourceDescriptor(
                    name=f"projects/{self._store.project}/monitoredResourceDescriptors/{name}",
                    type=name,
                    labels=[label_pb2.LabelDescriptor(key=key) for key in sorted(labels)],
                )
                for name, labels in RESOURCES.items()
            ]
        )

    def _write(self, series: Any, written: set[Identity]) -> None:
        if len(series.points) != 1:
            raise Rejected("Field timeSeries.points had an invalid value: exactly one point must be written.")
        if not series.metric.type.startswith(CUSTOM):
            raise Rejected(
                f"Field timeSeries.metric.type had an invalid value of '{series.metric.type}': not a custom metric."
            )
        identity = Identity.from_labels(
            series.metric.type, series.metric.labels, series.resource.type, series.resource.labels
        )
        if identity in written:
            raise Rejected(
                "Duplicate TimeSeries encountered. Only one point can be written per TimeSeries per request."
            )
        written.add(identity)
        point = series.points[0]
        value_type, value = _read_value(point.value)
        end = _to_seconds(point.interval.end_time)
        start = _to_seconds(point.interval.start_time) if point.interval.HasField("start_time") else end
        self._store.write(identity, self._find_kind(series), value_type, Point(start, end, value))

    def _find_kind(self, series: Any) -> MetricKind:
        """Return the kind that a series tells, or else its descriptor's."""
        name = _KINDS.Name(series.metric_kind)
        if name in MetricKind.__members__:
            return MetricKind(name)
        descriptor = self._store.descriptor(series.metric.type)
        return descriptor.kind if descriptor is not None else MetricKind.GAUGE

    def _check_project(self, name: str) -> None:
        if name != f"projects/{self._store.project}":
            raise _Failed(grpc.StatusCode.PERMISSION_DENIED, f"Permission denied on {name}, or it may not exist.")

    def _show_descriptor(self, descriptor: Descriptor) -> Any:
        return metric_pb2.MetricDescriptor(
            name=f"projects/{self._store.project}/metricDescriptors/{descriptor.type}",
            type=descriptor.type,
            metric_kind=_KINDS.Value(descriptor.kind),
            value_type=_TYPES.Value(descriptor.value_type),
            unit=descriptor.unit,
            description=descriptor.description,
            display_name=descriptor.display_name,
            labels=[label_pb2.LabelDescriptor(key=key, description=text) for key, text in descriptor.labels.items()],
        )


def _describe_rejections(total: int, refused: dict[str, list[int]]) -> _Failed:
    """Return one error for all that was refused: Google writes what it can."""
    failed = sum(map(len, refused.values()))
    messages = [f"{message}: timeSeries[{','.join(map(str, indices))}]" for message, indices in refused.items()]
    summary = metric_service.CreateTimeSeriesSummary.pb()(total_point_count=total, success_point_count=total - failed)
    for message, indices in zip(messages, refused.values(), strict=True):
        error = summary.errors.add(point_count=len(indices))
        error.status.code, error.status.message = INVALID.value[0], message
    return _Failed(INVALID, f"One or more TimeSeries could not be written: {'; '.join(messages)}", [summary])


def _read_value(value: Any) -> tuple[ValueType, Value]:
    kind = value.WhichOneof("value")
    if kind == "distribution_value":
        return ValueType.DISTRIBUTION, _read_distribution(value.distribution_value)
    if kind == "int64_value":
        return ValueType.INT64, float(value.int64_value)
    if kind == "double_value":
        return ValueType.DOUBLE, value.double_value
    if kind == "bool_value":
        return ValueType.BOOL, float(value.bool_value)
    raise Rejected(f"The local Monitoring takes no points with {kind or 'no value'}.")


def _read_distribution(given: Any) -> Distribution:
    bounds = _read_bounds(given.bucket_options)
    if len(bounds) + 1 > MAX_BUCKETS:
        raise Rejected(f"A distribution has at most {MAX_BUCKETS} buckets, not {len(bounds) + 1}.")
    counts = tuple(given.bucket_counts)
    if len(counts) > len(bounds) + 1:
        raise Rejected(f"{len(bounds)} bounds make {len(bounds) + 1} buckets, not {len(counts)}.")
    counts += (0,) * (len(bounds) + 1 - len(counts))  # trailing zeros may be left out
    return Distribution(given.count, given.mean, bounds, counts)


def _read_bounds(options: Any) -> tuple[float, ...]:
    kind = options.WhichOneof("options")
    if kind == "explicit_buckets":
        return tuple(options.explicit_buckets.bounds)
    if kind == "exponential_buckets":
        one = options.exponential_buckets
        return tuple(one.scale * one.growth_factor**index for index in range(one.num_finite_buckets + 1))
    if kind == "linear_buckets":
        one = options.linear_buckets
        return tuple(one.offset + one.width * index for index in range(one.num_finite_buckets + 1))
    raise Rejected("Field distributionValue.bucketOptions had an invalid value: it is required.")


def _read_aggregation(given: Any) -> Aggregation:
    return Aggregation(
        period=given.alignment_period.ToTimedelta().total_seconds(),
        aligner=common.Aggregation.Aligner(given.per_series_aligner).name or NO_ALIGNER,
        reducer=common.Aggregation.Reducer(given.cross_series_reducer).name or NO_REDUCER,
        group_by=tuple(Field.parse(field) for field in given.group_by_fields),
    )


def _fill_series(target: Any, series: TimeSeries, points: Sequence[Point]) -> None:
    identity = series.identity
    target.metric.type = identity.metric_type
    target.metric.labels.update(identity.metric_labels)
    target.resource.type = identity.resource_type
    target.resource.labels.update(identity.resource_labels)
    target.metric_kind = _KINDS.Value(series.kind)
    target.value_type = _TYPES.Value(series.value_type)
    for start, end, value in points:
        point = target.points.add()
        _set_timestamp(point.interval.start_time, start)
        _set_timestamp(point.interval.end_time, end)
        if isinstance(value, Distribution):
            point.value.distribution_value.CopyFrom(_show_distribution(value))
        elif series.value_type is ValueType.INT64:
            point.value.int64_value = round(value)
        elif series.value_type is ValueType.BOOL:
            point.value.bool_value = bool(value)
        else:
            point.value.double_value = value


def _show_distribution(value: Distribution) -> Any:
    options = distribution_pb2.Distribution.BucketOptions()
    options.explicit_buckets.bounds.extend(value.bounds)
    return distribution_pb2.Distribution(
        count=round(value.count),
        mean=value.mean,
        bucket_options=options,
        bucket_counts=[round(count) for count in value.counts],
    )


def _to_seconds(timestamp: Any) -> float:
    seconds: float = timestamp.seconds + timestamp.nanos / 1e9
    return seconds


def _set_timestamp(timestamp: Any, seconds: float) -> None:
    timestamp.FromNanoseconds(round(seconds * 1e6) * 1000)
