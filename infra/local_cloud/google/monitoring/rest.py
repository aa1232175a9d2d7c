"""The REST side of Cloud Monitoring, as Google's discovery client speaks it: monitoring v3."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aiohttp import web

from local_cloud.google.api_error import ApiError
from local_cloud.google.filters.errors import BadFilter
from local_cloud.google.filters.parsing import Dialect, parse
from local_cloud.google.filters.tree import All, Comparison, Literal, Node
from local_cloud.google.monitoring import listing
from local_cloud.google.monitoring.aggregation import NO_ALIGNER, NO_REDUCER, Aggregation, BadAggregation
from local_cloud.google.monitoring.descriptors import GOOGLES, Descriptor
from local_cloud.google.monitoring.filters import Field, Filter
from local_cloud.google.monitoring.incidents import Incident, format_time
from local_cloud.google.monitoring.points import Distribution, Identity, Point, ValueType
from local_cloud.google.monitoring.store import TimeSeries

if TYPE_CHECKING:
    from local_cloud.google.monitoring.monitoring import Monitoring

INTERVAL = ("startTime", "endTime")
ALERTS_PAGE, MAX_ALERTS_PAGE = 50, 1000
ALERT_FIELDS: Mapping[str, Callable[[Incident], str]] = {
    "state": lambda incident: "OPEN" if incident.closed is None else "CLOSED",
    "policy.name": lambda incident: incident.policy_name,
    "policy.displayName": lambda incident: incident.policy,
    "policy.display_name": lambda incident: incident.policy,
}
ORDERS: Mapping[str, Callable[[Incident], float]] = {
    "open_time": lambda incident: incident.opened,
    "close_time": lambda incident: incident.closed or 0.0,
}


class MonitoringApi:
    """Answers the calls of clients from what the local Monitoring holds."""

    def __init__(self, monitoring: "Monitoring") -> None:
        self._monitoring = monitoring
        self._store = monitoring.store

    def routes(self) -> list[web.AbstractRouteDef]:
        """Return a route for each call."""
        project = "/v3/projects/{project}"
        return [
            web.get(f"{project}/timeSeries", self._time_series),
            web.get(f"{project}/metricDescriptors", self._descriptors),
            web.get(f"{project}/metricDescriptors/{{metric:.+}}", self._descriptor),
            web.get(f"{project}/alertPolicies", self._policies),
            web.get(f"{project}/alertPolicies/{{id}}", self._policy),
            web.get(f"{project}/alerts", self._alerts),
            web.get(f"{project}/alerts/{{id}}", self._alert),
            web.get(f"{project}/uptimeCheckConfigs", self._uptime_checks),
            web.get(f"{project}/snoozes", self._snoozes),
            web.post(f"{project}/snoozes", self._create_snooze),
            web.patch(f"{project}/snoozes/{{id}}", self._end_snooze),
        ]

    async def _time_series(self, request: web.Request) -> web.Response:
        self._check_project(request)
        query = request.query
        if query.get("orderBy"):
            raise ApiError(400, "Field orderBy had an invalid value: it is not supported.")
        try:
            end = _parse_moment(query.get("interval.endTime"), "interval.endTime")
            start = query.get("interval.startTime")
            page = listing.page(
                self._store,
                listing.ListRequest(
                    filter=query.get("filter", ""),
                    end=end,
                    start=None if start is None else _parse_moment(start, "interval.startTime"),
                    aggregations=[
                        _read_aggregation(request, name)
                        for name in ("aggregation", "secondaryAggregation")
                        if f"{name}.perSeriesAligner" in query or f"{name}.crossSeriesReducer" in query
                    ],
                    headers=query.get("view") == "HEADERS",
                    page_size=_parse_number(query.get("pageSize")),
                    page_token=query.get("pageToken", ""),
                ),
            )
        except (BadFilter, BadAggregation, listing.BadRequest) as error:
            raise ApiError(400, str(error)) from None
        answer: dict[str, Any] = {"timeSeries": [_show_series(series, points) for series, points in page.series]}
        if page.next_token:
            answer["nextPageToken"] = page.next_token
        return web.json_response(answer)

    async def _descriptors(self, request: web.Request) -> web.Response:
        self._check_project(request)
        text = request.query.get("filter")
        try:
            matches = Filter.parse(text).matches if text else lambda identity: True
        except BadFilter as error:
            raise ApiError(400, str(error)) from None
        everything = {**GOOGLES, **self._store.descriptors}
        chosen = [one for name, one in sorted(everything.items()) if matches(Identity(name, (), "", ()))]
        return web.json_response({"metricDescriptors": [self._show_descriptor(one) for one in chosen]})

    async def _descriptor(self, request: web.Request) -> web.Response:
        self._check_project(request)
        descriptor = self._store.descriptor(request.match_info["metric"])
        if descriptor is None:
            raise ApiError(404, f"Could not find descriptor for metric '{request.match_info['metric']}'.")
        return web.json_response(self._show_descriptor(descriptor))

    async def _policies(self, request: web.Request) -> web.Response:
        self._check_project(request)
        if request.query.get("filter"):
            raise ApiError(400, "The local Monitoring has no filters of alert policies; choose among all.")
        policies = [policy.declared for policy in self._monitoring.policies.values()]
        return web.json_response({"alertPolicies": policies, "totalSize": len(policies)})

    async def _policy(self, request: web.Request) -> web.Response:
        self._check_project(request)
        policy = self._monitoring.policies.get(f"{_format_project(request)}/alertPolicies/{request.match_info['id']}")
        if policy is None:
            raise ApiError(404, f"There is no alert policy {request.match_info['id']}.")
        return web.json_response(policy.declared)

    async def _alerts(self, request: web.Request) -> web.Response:
        self._check_project(request)
        query, incidents = request.query, self._monitoring.incidents
        try:
            chosen = list(filter(_alert_filter(parse(query.get("filter", ""), Dialect.MONITORING)), incidents))
        except BadFilter as error:
            raise ApiError(400, f"Invalid filter: {error}") from None
        for order in reversed([part.split() for part in query.get("orderBy", "").split(",") if part.strip()]):
            if order[0] not in ORDERS or order[1:] not in ([], ["desc"]):
                raise ApiError(400, f"{' '.join(order)} is no order of alerts.")
            chosen.sort(key=ORDERS[order[0]], reverse=order[1:] == ["desc"])
        first = _parse_number(query.get("pageToken"))
        last = first + min(_parse_number(query.get("pageSize")) or ALERTS_PAGE, MAX_ALERTS_PAGE)
        answer: dict[str, Any] = {
            "alerts": [incident.as_alert() for incident in chosen[first:last]],
            "totalSize": len(chosen),
        }
        if last < len(chosen):
            answer["nextPageToken"] = str(last)
        return web.json_response(answer)

    async def _alert(self, request: web.Request) -> web.Response:
        self._check_project(request)
        incident = self._monitoring.incidents.find(request.match_info["id"])
        if incident is None:
            raise ApiError(404, f"There is no alert {request.match_info['id']}.")
        return web.json_response(incident.as_alert())

    async def _uptime_checks(self, request: web.Request) -> web.Response:
        self._check_project(request)
        checks = [check.declared for check in self._monitoring.uptime.checks.values()]
        return web.json_response({"uptimeCheckConfigs": checks, "totalSize": len(checks)})

    async def _snoozes(self, request: web.Request) -> web.Response:
        self._check_project(request)
        if request.query.get("filter"):
            raise ApiError(400, "The local Monitoring has no filters of snoozes; choose among all.")
        return web.json_response({"snoozes": [snooze.as_resource() for snooze in self._monitoring.snoozes.all()]})

    async def _create_snooze(self, request: web.Request) -> web.Response:
        self._check_project(request)
        body = await _read_body(request)
        policies = tuple(str(name) for name in (body.get("criteria") or {}).get("policies") or ())
        if not body.get("displayName") or not policies:
            raise ApiError(400, "A snooze has a displayName, and policies among its criteria.")
        for name in policies:
            if name not in self._monitoring.policies:
                raise ApiError(400, f"There is no alert policy {name}.")
        start, end = (_parse_moment(body["interval"].get(field), f"interval.{field}") for field in INTERVAL)
        if end <= start:
            raise ApiError(400, "A snooze ends after it starts.")
        project, title = self._store.project, str(body["displayName"])
        created = self._monitoring.snoozes.create(project, title, policies, start, end)
        return web.json_response(created.as_resource())

    async def _end_snooze(self, request: web.Request) -> web.Response:
        self._check_project(request)
        snooze = self._monitoring.snoozes.find(f"{_format_project(request)}/snoozes/{request.match_info['id']}")
        if snooze is None:
            raise ApiError(404, f"There is no snooze {request.match_info['id']}.")
        if request.query.get("updateMask") not in ("interval.endTime", "interval.end_time"):
            raise ApiError(400, "Of a snooze, the local Monitoring changes the end only: updateMask=interval.end_time.")
        body = await _read_body(request)
        end = _parse_moment((body.get("interval") or {}).get("endTime"), "interval.endTime")
        return web.json_response(self._monitoring.snoozes.end(snooze, end).as_resource())

    def _check_project(self, request: web.Request) -> None:
        if request.match_info["project"] != self._store.project:
            raise ApiError(403, f"Permission denied on {_format_project(request)}, or it may not exist.")

    def _show_descriptor(self, descriptor: Descriptor) -> dict[str, Any]:
        return {
            "name": f"projects/{self._store.project}/metricDescriptors/{descriptor.type}",
            "type": descriptor.type,
            "metricKind": descriptor.kind,
            "valueType": descriptor.value_type,
            "unit": descriptor.unit,
            "description": descriptor.description,
            "displayName": descriptor.display_name,
            "labels": [{"key": key, "description": text} for key, text in descriptor.labels.items()],
        }


async def _read_body(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict) or not isinstance(body.get("interval", {}), dict):
        raise ApiError(400, "Invalid JSON payload received.")
    return {"interval": {}, **body}


def _format_project(request: web.Request) -> str:
    return f"projects/{request.match_info['project']}"


def _alert_filter(node: Node) -> Callable[[Incident], bool]:
    """Return which incidents a filter of alerts chooses. Raises BadFilter."""
    match node:
        case All(parts):
            every = [_alert_filter(part) for part in parts]
            return lambda incident: all(one(incident) for one in every)
        case Comparison(path, "=", Literal(text, is_quoted=True)) if ".".join(path) in ALERT_FIELDS:
            read = ALERT_FIELDS[".".join(path)]
            return lambda incident: read(incident) == text
    raise BadFilter("the local Monitoring knows alerts by their state, policy.name and policy.displayName, ANDed")


def _read_aggregation(request: web.Request, name: str) -> Aggregation:
    query = request.query
    period = query.get(f"{name}.alignmentPeriod", "0s")
    if not re.fullmatch(r"\d+(\.\d+)?s", period):
        raise ApiError(400, f"{name}.alignmentPeriod: {period!r} is no duration; 60s is one.")
    return Aggregation(
        period=float(period.removesuffix("s")),
        aligner=query.get(f"{name}.perSeriesAligner", NO_ALIGNER),
        reducer=query.get(f"{name}.crossSeriesReducer", NO_REDUCER),
        group_by=tuple(Field.parse(field) for field in query.getall(f"{name}.groupByFields", [])),
    )


def _parse_moment(text: str | None, field: str) -> float:
    if text is None:
        raise ApiError(400, f"Field {field} had an invalid value: it is required.")
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise ApiError(400, f"Field {field} had an invalid value of {text!r}: no RFC 3339 time with an offset.")
    return parsed.timestamp()


def _parse_number(text: str | None) -> int:
    if text and not text.isdigit():
        raise ApiError(400, f"{text!r} is no number.")
    return int(text or 0)


def _show_series(series: TimeSeries, points: Sequence[Point]) -> dict[str, Any]:
    identity = series.identity
    return {
        "metric": {"type": identity.metric_type, "labels": dict(identity.metric_labels)},
        "resource": {"type": identity.resource_type, "labels": dict(identity.resource_labels)},
        "metricKind": series.kind,
        "valueType": series.value_type,
        "points": [_show_point(series.value_type, point) for point in points],
    }


def _show_point(value_type: ValueType, point: Point) -> dict[str, Any]:
    value = point.value
    shown: dict[str, Any]
    if isinstance(value, Distribution):
        shown = {
            "distributionValue": {
                "count": str(round(value.count)),
                "mean": value.mean,
                "bucketOptions": {"explicitBuckets": {"bounds": value.bounds}},
                "bucketCounts": [str(round(count)) for count in value.counts],
            }
        }
    elif value_type is ValueType.INT64:
        shown = {"int64Value": str(round(value))}
    elif value_type is ValueType.BOOL:
        shown = {"boolValue": bool(value)}
    else:
        shown = {"doubleValue": value}
    return {"interval": {"startTime": format_time(point.start), "endTime": format_time(point.end)}, "value": shown}
