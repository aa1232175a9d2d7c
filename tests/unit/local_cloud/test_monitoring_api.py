"""The local Monitoring over the wire, as Google's own clients speak to it."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import grpc  # type: ignore[import-untyped]
import pytest
from aiohttp import web
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import monitoring_v3
from google.cloud.monitoring_v3.services.metric_service.transports import MetricServiceGrpcTransport
from googleapiclient import discovery
from googleapiclient.errors import HttpError
from tests.unit.local_cloud.monitored import PREFIX, PROJECT, START, Monitored, aggregation, chosen, threshold

from local_cloud.google.monitoring.grpc_service import MetricServer
from local_cloud.google.monitoring.incidents import format_time
from local_cloud.google.monitoring.notifications import NotificationChannel, Notifier
from local_cloud.google.monitoring.points import MetricKind, ValueType
from local_cloud.google.monitoring.rest import MonitoringApi
from local_cloud.google.monitoring.snoozes import Snoozes
from local_cloud.google.monitoring.uptime import METRIC, Uptime, read_check
from local_cloud.processes.server import free_port
from local_cloud.serving.google_apis import GoogleApis
from local_cloud.serving.listener import listen
from local_cloud.serving.proxy import open_session

T = TypeVar("T")
NAME = f"projects/{PROJECT}"


class Served(Monitored):
    """Its servers have a thread of their own, as the clients block."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.port, rest = free_port(), free_port()
        self.apis = GoogleApis(rest, MonitoringApi(self.monitoring).routes())
        self._metrics = self.do(self._serve())
        self._channel = grpc.insecure_channel(f"127.0.0.1:{self.port}")
        transport = MetricServiceGrpcTransport(channel=self._channel)
        self.client = monitoring_v3.MetricServiceClient(transport=transport)
        self.rest = discovery.build(
            "monitoring",
            "v3",
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
            client_options={"api_endpoint": self.apis.url},
            static_discovery=True,
        ).projects()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _serve(self) -> MetricServer:
        server = MetricServer(self.store, f"127.0.0.1:{self.port}")
        await server.start()
        await self.apis.open()
        return server

    def close(self) -> None:
        self._channel.close()
        self.rest.close()
        self.do(self.apis.close())
        self.do(self._metrics.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path)
    try:
        yield served
    finally:
        served.close()


def time_series(metric: str, end: float, job: str = "till", **value: Any) -> monitoring_v3.TimeSeries:
    resource = {"project_id": PROJECT, "location": "here", "namespace": "shop", "job": job, "task_id": "1"}
    interval = {"end_time": datetime.fromtimestamp(end, UTC)}
    if "distribution_value" in value or "int64_value" in value:
        interval["start_time"] = datetime.fromtimestamp(START - 60, UTC)
    kind = "CUMULATIVE" if "start_time" in interval else "GAUGE"
    return monitoring_v3.TimeSeries(
        metric={"type": PREFIX + metric, "labels": {"shelf": "3"}},
        resource={"type": "generic_task", "labels": resource},
        metric_kind=kind,
        points=[{"interval": interval, "value": value}],
    )


def test_what_the_real_client_writes_it_reads_back(served: Served) -> None:
    options = {"exponential_buckets": {"num_finite_buckets": 3, "growth_factor": 2, "scale": 10}}
    distribution = {"count": 4, "mean": 15, "bucket_options": options, "bucket_counts": [1, 3]}
    series = [
        time_series("queue", START, double_value=2.5),
        time_series("open", START, bool_value=True),
        time_series("sales", START, int64_value=2**52 + 1),
        time_series("durations", START, distribution_value=distribution),
    ]
    served.client.create_time_series(name=NAME, time_series=series)
    values = []
    interval = {"end_time": datetime.fromtimestamp(START, UTC)}
    for metric in ("queue", "open", "sales", "durations"):
        (found,) = served.client.list_time_series(
            request={"name": NAME, "filter": chosen(metric), "interval": interval}
        )
        assert dict(found.metric.labels) == {"shelf": "3"}
        values.append(found.points[0].value)
    assert (values[0].double_value, values[1].bool_value, values[2].int64_value) == (2.5, True, 2**52 + 1)
    read_back = values[3].distribution_value
    assert list(read_back.bucket_options.explicit_buckets.bounds) == [10, 20, 40, 80]
    assert list(read_back.bucket_counts) == [1, 3, 0, 0, 0]


def test_what_can_be_written_is_and_the_rest_is_told(served: Served) -> None:
    served.client.create_time_series(name=NAME, time_series=[time_series("queue", START, double_value=1)])
    late = [
        time_series("queue", START - 9, double_value=2),
        time_series("queue", START, job="other", double_value=3),
        time_series("queue", START, job="other", double_value=4),
    ]
    with pytest.raises(exceptions.InvalidArgument) as refused:
        served.client.create_time_series(name=NAME, time_series=late)
    assert "One or more TimeSeries could not be written: Points must be written in order" in refused.value.message
    assert "timeSeries[0]" in refused.value.message
    (detail,) = refused.value.details
    summary = monitoring_v3.CreateTimeSeriesSummary.deserialize(detail.value)
    assert (summary.total_point_count, summary.success_point_count) == (3, 1)
    assert sorted(error.point_count for error in summary.errors) == [1, 1]
    assert len(served.store.select(chosen("queue"), 0, START)) == 2


@pytest.mark.parametrize(
    ("name", "count", "error"),
    [(NAME, 201, exceptions.InvalidArgument), ("projects/other", 1, exceptions.PermissionDenied)],
    ids=["too many", "another project"],
)
def test_a_call_that_google_refuses_is_refused_whole(
    served: Served, name: str, count: int, error: type[Exception]
) -> None:
    series = [time_series("queue", START, job=f"job-{number}", double_value=1) for number in range(count)]
    with pytest.raises(error):
        served.client.create_time_series(name=name, time_series=series)
    assert served.store.select(chosen("queue"), 0, START) == []


def test_descriptors(served: Served) -> None:
    descriptor = {"type": f"{PREFIX}queue", "metric_kind": "GAUGE", "value_type": "DOUBLE", "unit": "1"}
    made = served.client.create_metric_descriptor(name=NAME, metric_descriptor=descriptor)
    assert served.client.get_metric_descriptor(name=made.name) == made
    listed = served.client.list_metric_descriptors(
        request={"name": NAME, "filter": 'metric.type = starts_with("custom.googleapis.com/")'}
    )
    assert list(listed) == [made]
    with pytest.raises(exceptions.NotFound):
        served.client.get_metric_descriptor(name=f"{NAME}/metricDescriptors/custom.googleapis.com/none")
    with pytest.raises(exceptions.InvalidArgument):
        served.client.create_metric_descriptor(name=NAME, metric_descriptor={**descriptor, "value_type": "INT64"})


def filled(served: Served) -> None:
    for minute in range(1, 6):
        served.clock.now = START + 60 * minute
        for job in ("a", "b"):
            served.cumulative("sales", 10 * minute, job=job)


def test_series_are_listed_aggregated(served: Served) -> None:
    filled(served)
    request = {
        "name": NAME,
        "filter": chosen("sales"),
        "interval_startTime": format_time(START),
        "interval_endTime": format_time(START + 300),
    }
    answer = (
        served.rest.timeSeries()
        .list(
            **request,
            aggregation_alignmentPeriod="60s",
            aggregation_perSeriesAligner="ALIGN_DELTA",
            aggregation_crossSeriesReducer="REDUCE_SUM",
            aggregation_groupByFields=["resource.labels.namespace"],
        )
        .execute()
    )
    (series,) = answer["timeSeries"]
    assert (series["metricKind"], series["valueType"]) == ("DELTA", "INT64")
    assert series["resource"]["labels"] == {"namespace": "shop", "project_id": PROJECT}
    assert [point["value"]["int64Value"] for point in series["points"]] == ["20"] * 5
    assert series["points"][0]["interval"]["endTime"] == format_time(START + 300)  # newest first
    headers = served.rest.timeSeries().list(**request, view="HEADERS").execute()
    assert [one["points"] for one in headers["timeSeries"]] == [[], []]


def test_pages_are_of_points(served: Served) -> None:
    filled(served)
    request = served.rest.timeSeries().list(
        name=NAME,
        filter=chosen("sales"),
        interval_startTime=format_time(START),
        interval_endTime=format_time(START + 300),
        pageSize=4,
    )
    sizes, values = [], 0
    while request is not None:
        answer = request.execute()
        points = [point for series in answer["timeSeries"] for point in series["points"]]
        sizes.append(len(points))
        values += sum(int(point["value"]["int64Value"]) for point in points)
        request = served.rest.timeSeries().list_next(request, answer)
    assert (sizes, values) == ([4, 4, 2], 300)


def test_a_filter_that_is_not_known_is_answered_by_name(served: Served) -> None:
    with pytest.raises(HttpError, match=r"metric\.kind") as refused:
        served.rest.timeSeries().list(
            name=NAME, filter='metric.kind = "x"', interval_endTime=format_time(START)
        ).execute()
    assert refused.value.status_code == 400
    interval = {"end_time": datetime.fromtimestamp(START, UTC)}
    with pytest.raises(exceptions.InvalidArgument, match=r"metric\.kind"):
        served.client.list_time_series(request={"name": NAME, "filter": 'metric.kind = "x"', "interval": interval})


def test_policies_and_alerts_are_listed(served: Served) -> None:
    served.declare(threshold(chosen("queue"), aggregation("ALIGN_MAX"), above=10), severity="CRITICAL")
    for value in (11, 1, 12):
        served.clock.now += 60
        served.gauge("queue", value)
        served.after(0)
    (policy,) = served.rest.alertPolicies().list(name=NAME).execute()["alertPolicies"]
    assert policy["conditions"][0]["conditionThreshold"]["thresholdValue"] == 10
    answer = served.rest.alerts().list(parent=NAME, orderBy="open_time desc").execute()
    assert [alert["state"] for alert in answer["alerts"]] == ["OPEN", "CLOSED"]
    alert = answer["alerts"][0]
    assert alert["policy"]["displayName"] == "alert"
    assert alert["policy"]["name"] == policy["name"]
    assert alert["resource"]["labels"]["job"] == "till"
    assert served.rest.alerts().get(name=alert["name"]).execute() == alert
    closed = served.rest.alerts().list(parent=NAME, filter='state = "CLOSED"').execute()["alerts"]
    assert [one["state"] for one in closed] == ["CLOSED"]
    assert closed[0]["closeTime"] > closed[0]["openTime"]
    both = f'policy.name = "{policy["name"]}" AND state = "OPEN"'
    assert len(served.rest.alerts().list(parent=NAME, filter=both).execute()["alerts"]) == 1
    for text in (
        'state = "OPEN" OR state = "CLOSED"',
        'colour = "red"',
        "state = OPEN",
        'state = "OPEN',
        'state != "x"',
    ):
        with pytest.raises(HttpError, match=r"400.*Invalid filter"):
            served.rest.alerts().list(parent=NAME, filter=text).execute()
    with pytest.raises(HttpError, match="403"):
        served.rest.alerts().list(parent="projects/other").execute()


async def listening(handler: Callable[[web.BaseRequest], web.Response]) -> tuple[web.ServerRunner, int]:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        return handler(request)

    port = free_port()
    return await listen(answer, port), port


def test_an_uptime_check_asks_for_real(tmp_path: Path) -> None:
    monitored = Monitored(tmp_path)

    async def check() -> list[float]:
        statuses = [200, 503, 404]
        asked = []

        def answer(request: web.BaseRequest) -> web.Response:
            asked.append(request.path)
            return web.Response(status=statuses[len(asked) - 1])

        runner, port = await listening(answer)
        inputs = {
            "displayName": "till",
            "timeout": "5s",
            "selectedRegions": ["USA_IOWA", "EUROPE", "ASIA_PACIFIC"],
            "httpCheck": {"path": "/health", "port": port, "useSsl": False},
            "monitoredResource": {"type": "uptime_url", "labels": {"host": "127.0.0.1"}},
        }
        async with open_session() as session:
            uptime = Uptime(monitored.store, session, monitored.said.append)
            one = read_check("till-1", "till", inputs, pace=1)
            for _ in statuses:
                monitored.clock.now += 60
                await uptime.run(one)
            await runner.cleanup()
            monitored.clock.now += 60
            await uptime.run(one)  # nobody listens
        assert asked == ["/health"] * 3
        found = monitored.store.select(f'metric.type = "{METRIC}/check_passed"', 0, monitored.clock.now)
        assert len(found) == 3  # places
        series, points = found[0]
        assert (series.kind, series.value_type) == (MetricKind.GAUGE, ValueType.BOOL)
        return [point.value for point in points if isinstance(point.value, float)]

    assert asyncio.run(check()) == [1, 0, 0, 0]


def test_a_webhook_on_this_machine_is_called_and_no_other(tmp_path: Path) -> None:
    monitored = Monitored(tmp_path)

    async def notify() -> list[dict[str, Any]]:
        received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            assert request.headers["Authorization"].startswith("Basic ")
            await received.put(await request.json())
            return web.Response()

        port = free_port()
        runner = await listen(answer, port)
        async with open_session() as session:
            notifier = monitored.monitoring.notifier = Notifier(session, monitored.said.append)
            hook = {"url": f"http://127.0.0.1:{port}/hook", "username": "till"}
            for channel in (
                NotificationChannel("hook", "webhook_basicauth", hook, {"password": "secret"}),
                NotificationChannel(
                    "away", "webhook_tokenauth", {"url": "https://shop.example/hook?auth_token=hidden"}
                ),
                NotificationChannel("mail", "email", {"email_address": "till@shop.example"}),
            ):
                notifier.channels[channel.name] = channel
            monitored.declare(
                threshold(chosen("queue"), aggregation("ALIGN_MAX"), above=10),
                notificationChannels=["hook", "away", "mail"],
            )
            for value in (11, 1):
                monitored.clock.now += 60
                monitored.gauge("queue", value)
                monitored.after(0)
            sent = [await asyncio.wait_for(received.get(), 60) for _ in range(2)]
            await notifier.close()
        await runner.cleanup()
        return sent

    sent = asyncio.run(notify())
    assert sorted(body["incident"]["state"] for body in sent) == ["closed", "open"]
    assert {body["incident"]["policy_name"] for body in sent} == {"alert"}
    told = [line for line in monitored.said if line.startswith("would tell")]
    assert len(told) == 4
    assert "hidden" not in "".join(told)


def test_a_snooze_silences_its_policy_and_no_other_until_it_ends(served: Served) -> None:
    served.monitoring.notifier.channels["mail"] = NotificationChannel("mail", "email", {"email_address": "a@b.example"})
    condition = threshold(chosen("queue"), aggregation("ALIGN_MAX"), above=10)
    served.declare(condition, notificationChannels=["mail"])
    policy = f"{NAME}/alertPolicies/1"
    interval = {"startTime": format_time(START), "endTime": format_time(START + 3600)}
    body = {"displayName": "by ada", "criteria": {"policies": [policy]}, "interval": interval}
    made = served.rest.snoozes().create(parent=NAME, body=body).execute()
    assert served.rest.snoozes().list(parent=NAME).execute()["snoozes"] == [{**body, "name": made["name"]}]

    def told(value: float) -> int:
        served.said.clear()
        served.clock.now += 60
        served.gauge("queue", value)
        served.after(0)
        return sum("would tell a@b.example" in line for line in served.said)

    assert told(11) == 0
    assert len(served.monitoring.incidents.open()) == 1, "it is opened all the same"
    end = {"interval": {"endTime": format_time(served.clock.now)}}
    served.rest.snoozes().patch(name=made["name"], updateMask="interval.end_time", body=end).execute()
    assert told(1) == 1
    assert Snoozes(served.folder / "snoozes.json").all()[0].end == pytest.approx(served.clock.now - 60, abs=0.01)


@pytest.mark.parametrize(
    "wrong",
    [
        {"displayName": ""},
        {"criteria": {}},
        {"criteria": {"policies": [f"{NAME}/alertPolicies/7"]}},
        {"interval": {"startTime": format_time(START), "endTime": format_time(START)}},
        {"interval": {"startTime": format_time(START)}},
    ],
)
def test_a_snooze_that_google_refuses_is_refused(served: Served, wrong: dict[str, Any]) -> None:
    served.declare(threshold(chosen("queue"), aggregation("ALIGN_MAX"), above=10))
    interval = {"startTime": format_time(START), "endTime": format_time(START + 3600)}
    body = {"displayName": "a", "criteria": {"policies": [f"{NAME}/alertPolicies/1"]}, "interval": interval, **wrong}
    with pytest.raises(HttpError) as refused:
        served.rest.snoozes().create(parent=NAME, body=body).execute()
    assert refused.value.status_code == 400
