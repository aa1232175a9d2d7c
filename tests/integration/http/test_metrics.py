import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
from tests.integration.http.functions import Api

from local_cloud.processes.postgres import Postgres
from utxoiq_http.answers import Aggregate, AggregateComparison, AggregateFigures, AverageChange, Metric

PATH = "/api/v1/monitoring/metrics"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
DAY = {"start_time": "2026-01-31T00:00:00Z", "end_time": "2026-02-01T00:00:00Z"}


@pytest.fixture
def service() -> str:
    return f"service-{uuid.uuid4()}"


def metric(service: str, value: float = 1.0, at: datetime | None = None, **fields: object) -> dict[str, object]:
    stamped = {} if at is None else {"timestamp": at.isoformat()}
    return {
        "service_name": service,
        "metric_type": "latency",
        "metric_value": value,
        "unit": "ms",
        **stamped,
        **fields,
    }


def record(api: Api, body: object, **headers: str) -> httpx.Response:
    path = f"{PATH}/batch" if isinstance(body, list) else PATH
    response = api("POST", path, json=body, headers=headers)
    assert response.status_code == 201, response.text
    return response


def find(api: Api, service: str, **parameters: object) -> httpx.Response:
    return api("GET", PATH, params={"service_name": service, **DAY, **parameters})


def aggregate(api: Api, service: str, **parameters: object) -> httpx.Response:
    series = {"service_name": service, "metric_type": "latency", "interval": "hour", **DAY}
    return api("GET", f"{PATH}/aggregate", params={**series, **parameters})


def test_a_metric_comes_back_as_it_was_sent(api: Api, service: str) -> None:
    response = record(api, metric(service, 12.5, NOON, metric_metadata={"region": "eu", "nested": {"a": [1, None]}}))
    shown = response.json()
    assert datetime.fromisoformat(shown.pop("timestamp")) == NOON
    assert uuid.UUID(shown.pop("id"))
    assert shown == metric(service, 12.5, metric_metadata={"region": "eu", "nested": {"a": [1, None]}})
    msgspec.json.decode(response.content, type=Metric)


def test_a_long_page_is_compressed_for_who_accepts_that(api: Api, service: str) -> None:
    record(api, [metric(service, 1.0, NOON + timedelta(seconds=second)) for second in range(200)])
    query = f"{PATH}?service_name={service}&start_time=2026-01-31T00:00:00Z&end_time=2026-02-01T00:00:00Z"
    plain, packed, head = (
        api(method, query, headers={"Accept-Encoding": accepted})
        for method, accepted in (("GET", "identity"), ("GET", "gzip"), ("HEAD", "gzip"))
    )
    assert packed.json() == plain.json()
    assert len(packed.json()) == 200
    assert "Content-Encoding" not in plain.headers
    for response in (packed, head):
        assert response.headers["Content-Encoding"] == "gzip"
        assert int(response.headers["Content-Length"]) < int(plain.headers["Content-Length"]) / 3
    assert head.content == b""
    assert plain.headers["Vary"] == packed.headers["Vary"]


def test_a_metric_without_a_time_is_of_now(api: Api, service: str) -> None:
    before = datetime.now(UTC)
    stamped = datetime.fromisoformat(record(api, metric(service)).json()["timestamp"])
    assert before <= stamped <= datetime.now(UTC)


def test_what_is_read_is_what_was_answered(api: Api, service: str) -> None:
    written = record(api, [metric(service, 0.1 + 0.2, NOON, metric_metadata={"a": 1}), metric(service, -1e300, NOON)])
    read = find(api, service).json()

    def canonical(metrics: list[dict[str, Any]]) -> list[dict[str, Any]]:
        parsed = [{**one, "timestamp": datetime.fromisoformat(one["timestamp"])} for one in metrics]
        return sorted(parsed, key=lambda one: str(one["id"]))

    assert canonical(read) == canonical(written.json())


@pytest.mark.parametrize("value", [0, -0.0, 5e-324, 1e-300, 1.7976931348623157e308, -1.7976931348623157e308, 2**53])
def test_every_finite_number_is_a_value(api: Api, service: str, value: float) -> None:
    record(api, metric(service, value, NOON))
    assert find(api, service).json()[0]["metric_value"] == value
    (bucket,) = aggregate(api, service).json()["data"]
    assert (bucket["min_value"], bucket["max_value"]) == (value, value)
    assert bucket["avg_value"] == pytest.approx(value)


def test_metrics_are_found_newest_first_within_both_ends(api: Api, service: str) -> None:
    record(api, [metric(service, hour, NOON + timedelta(hours=hour)) for hour in range(5)])
    parameters = {"start_time": (NOON + timedelta(hours=1)).isoformat(), "end_time": "2026-01-31T15:00:00Z"}
    response = find(api, service, **parameters)
    assert [one["metric_value"] for one in response.json()] == [3, 2, 1]
    msgspec.json.decode(response.content, type=list[Metric])


def test_metrics_are_found_by_type(api: Api, service: str) -> None:
    record(api, [metric(service, 1, NOON), metric(service, 2, NOON, metric_type="errors")])
    assert [one["metric_value"] for one in find(api, service, metric_type="errors").json()] == [2]


def test_pages_by_cursor_stay_while_metrics_are_added(api: Api, service: str) -> None:
    record(api, [metric(service, number, NOON + timedelta(seconds=number)) for number in range(7)])
    page = find(api, service, limit=3)
    record(api, metric(service, 99, NOON + timedelta(hours=1)))
    values = [one["metric_value"] for one in page.json()]
    while "next" in page.links:
        page = api("GET", page.links["next"]["url"])
        values += [one["metric_value"] for one in page.json()]
    assert values == [6, 5, 4, 3, 2, 1, 0]


def test_a_page_by_offset_follows_the_one_before(api: Api, service: str) -> None:
    record(api, [metric(service, number, NOON + timedelta(seconds=number)) for number in range(5)])
    assert [one["metric_value"] for one in find(api, service, limit=2, offset=2).json()] == [2, 1]


def test_a_recent_metric_is_seen_by_the_next_read(api: Api, service: str) -> None:
    now = datetime.now(UTC)
    parameters = {
        "metric_type": "latency",
        "start_time": (now - timedelta(minutes=30)).isoformat(),
        "end_time": (now + timedelta(minutes=30)).isoformat(),
    }
    for number in range(5):
        record(api, metric(service, number))
        assert len(find(api, service, **parameters).json()) == number + 1
        assert len(find(api, service, **parameters).json()) == number + 1


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"])
def test_a_metric_of_any_past_year_is_kept(api: Api, service: str, moment: str) -> None:
    record(api, metric(service, timestamp=moment))
    (found,) = find(api, service, start_time=moment, end_time=moment).json()
    assert datetime.fromisoformat(found["timestamp"]) == datetime.fromisoformat(moment)
    (bucket,) = aggregate(api, service, start_time=moment, end_time=moment, interval="day").json()["data"]
    assert bucket["count"] == 1


def test_a_metric_of_the_near_future_is_kept_and_a_later_one_refused_by_its_field(api: Api, service: str) -> None:
    near, far = (datetime.now(UTC) + timedelta(hours=hours) for hours in (23, 25))
    record(api, metric(service, 1, near))
    alone = api("POST", PATH, json=metric(service, 2, far))
    batch = api(
        "POST", f"{PATH}/batch", json=[metric(service, 3), metric(service, 4, timestamp="9999-12-31T23:59:59Z")]
    )
    assert (alone.status_code, batch.status_code) == (422, 422)
    message = "lies more than 86400 s in the future"
    assert alone.json()["errors"] == [{"field": "timestamp", "message": message}]
    assert batch.json()["errors"] == [{"field": "[1].timestamp", "message": message}]
    always = {"start_time": "2020-01-01T00:00:00Z", "end_time": "9999-12-31T23:59:59Z"}
    assert [found["metric_value"] for found in find(api, service, **always).json()] == [1]


def test_five_thousand_metrics_go_in_at_once(api: Api, service: str) -> None:
    written = record(api, [metric(service, number, NOON + timedelta(seconds=number)) for number in range(5000)])
    assert len(written.json()) == 5000
    assert len(find(api, service, limit=10000).json()) == 5000


def test_of_a_batch_with_one_bad_metric_nothing_is_kept(api: Api, service: str) -> None:
    response = api("POST", f"{PATH}/batch", json=[metric(service, 1, NOON), metric(service, 1, NOON, unit="x" * 21)])
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "[1].unit"
    assert find(api, service).json() == []


@pytest.mark.parametrize("several", [False, True])
def test_the_same_key_and_body_are_recorded_once(api: Api, service: str, several: bool) -> None:
    one = metric(service, 1, NOON)
    body = [one, one] if several else one
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first, again = record(api, body, **key), record(api, body, **key)
    assert first.content == again.content
    assert len(find(api, service).json()) == (2 if several else 1)


def test_a_key_is_for_one_route(api: Api, service: str) -> None:
    key = {"Idempotency-Key": str(uuid.uuid4())}
    record(api, metric(service, 1, NOON), **key)
    record(api, [metric(service, 1, NOON)], **key)
    assert len(find(api, service).json()) == 2


def test_an_aggregate_has_a_bucket_an_interval_that_has_metrics(api: Api, service: str) -> None:
    record(api, [metric(service, value, NOON + timedelta(minutes=20 * value)) for value in (0, 1, 2, 3, 9)])
    response = aggregate(api, service)
    shown = response.json()
    assert [bucket["timestamp"][:16] for bucket in shown["data"]] == [f"2026-01-31T{hour}:00" for hour in (12, 13, 15)]
    figures = [[bucket[name] for name in ("avg_value", "min_value", "max_value", "count")] for bucket in shown["data"]]
    assert figures == [[1, 0, 2, 3], [3, 3, 3, 1], [9, 9, 9, 1]]
    assert (shown["service_name"], shown["metric_type"], shown["interval"]) == (service, "latency", "hour")
    msgspec.json.decode(response.content, type=Aggregate)


@pytest.mark.parametrize(("interval", "first"), [("day", "2026-01-31"), ("week", "2026-01-26")])
def test_an_aggregate_by_day_and_by_week_starts_where_those_do(
    api: Api, service: str, interval: str, first: str
) -> None:
    record(api, metric(service, 1, NOON))
    (bucket,) = aggregate(api, service, interval=interval).json()["data"]
    assert bucket["timestamp"].startswith(first)


def test_an_aggregate_takes_no_more_than_its_range(api: Api, service: str) -> None:
    record(api, [metric(service, minute, NOON + timedelta(minutes=minute)) for minute in range(60)])
    part = aggregate(api, service, start_time="2026-01-31T12:10:00Z", end_time="2026-01-31T12:19:00Z", interval="day")
    (bucket,) = part.json()["data"]
    assert (bucket["min_value"], bucket["max_value"], bucket["count"]) == (10, 19, 10)


def test_an_aggregate_tells_percentiles_and_what_was_before_if_asked(api: Api, service: str) -> None:
    before = NOON - timedelta(days=364)
    record(api, [metric(service, value, NOON + timedelta(seconds=value)) for value in range(1, 101)])
    record(api, [metric(service, value / 2, before + timedelta(seconds=value)) for value in range(1, 101)])
    plain = aggregate(api, service)
    response = aggregate(api, service, percentiles="true", compare="previous_year")
    told = msgspec.json.decode(response.content, type=Aggregate)
    (bucket,) = told.data
    assert (bucket.p50, bucket.p95, bucket.p99) == pytest.approx((50, 95, 99), rel=0.01)
    assert isinstance(bucket.previous, AggregateFigures)
    assert (bucket.previous.p50, bucket.previous.p95) == pytest.approx((25, 47.5), rel=0.01)
    assert isinstance(bucket.change, AverageChange)
    assert bucket.change.percent == pytest.approx(100)
    assert isinstance(told.comparison, AggregateComparison)
    assert told.comparison.start_time == NOON.replace(hour=0) - timedelta(days=364)
    assert told.comparison.change == bucket.change
    assert plain.content == aggregate(api, service, percentiles="false").content
    assert all("p50" not in one and "previous" not in one for one in plain.json()["data"])


@pytest.mark.parametrize("parameter", [{"percentiles": "yes"}, {"percentiles": "95"}, {"compare": "previous_century"}])
def test_what_an_aggregate_cannot_tell_is_422(api: Api, service: str, parameter: dict[str, str]) -> None:
    response = aggregate(api, service, **parameter)
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] in parameter


def test_nothing_lies_before_the_first_year(api: Api, service: str) -> None:
    response = aggregate(api, service, compare="previous_week", start_time="0001-01-03T00:00:00Z")
    assert response.status_code == 400
    assert "before start_time" in response.json()["detail"]


def test_what_is_over_is_sketched_on_the_schedulers_word(api: Api, service: str) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    record(api, [metric(service, 1, yesterday), metric(service, 2, yesterday)])
    response = api("POST", f"{PATH}/sketches", "operator")
    assert response.status_code == 200
    assert response.json()["status"] == "success"
    told = aggregate(
        api,
        service,
        start_time=(yesterday - timedelta(hours=1)).isoformat(),
        percentiles="true",
        end_time=datetime.now(UTC).isoformat(),
        interval="day",
    )
    assert [(bucket["p50"], bucket["p99"]) for bucket in told.json()["data"]] == [(pytest.approx(1, rel=0.01), 2)]


def test_a_metric_is_seen_by_the_next_aggregate(api: Api, service: str) -> None:
    for number in range(5):
        record(api, metric(service, number, NOON))
        assert aggregate(api, service).json()["data"][0]["count"] == number + 1
        assert aggregate(api, service).json()["data"][0]["count"] == number + 1


@pytest.mark.parametrize("read", [find, aggregate])
def test_a_range_that_ends_before_it_starts_is_400(api: Api, service: str, read: Any) -> None:
    response = read(api, service, start_time=DAY["end_time"], end_time=DAY["start_time"])
    assert response.status_code == 400
    assert "end_time" in response.json()["detail"]


def test_metadata_may_be_as_large_as_a_body(api: Api, service: str) -> None:
    metadata = {"text": "ü" * 20_000, "number": 10**300, "deep": json.loads("[" * 200 + "]" * 200)}
    record(api, metric(service, 1, NOON, metric_metadata=metadata))
    assert find(api, service).json()[0]["metric_metadata"] == metadata


def test_a_page_is_cut_before_16_mib_and_links_to_the_rest(api: Api, service: str) -> None:
    """Of the longest texts, in characters that JSON writes longest, and metadata that PostgreSQL compresses well."""
    large = {"text": "a" * 2**20}
    sent = [metric(service, number, NOON, metric_metadata=large) for number in range(6)]
    for _ in range(3):
        record(api, sent)
    found = find(api, service, limit=10_000)
    sizes, rows = [len(found.content)], found.json()
    while "next" in found.links:
        found = api("GET", found.links["next"]["url"])
        sizes.append(len(found.content))
        rows += found.json()
    assert max(sizes) <= 16 * 2**20
    assert len(sizes) == 2
    assert len({row["id"] for row in rows}) == len(rows) == 18


def test_a_page_of_plain_metrics_is_not_cut(api: Api, service: str) -> None:
    texts = {"metric_type": "\u0001" * 50, "unit": "\u0001" * 20}
    record(api, [metric(service, number, NOON, **texts) for number in range(5000)])
    record(api, [metric(service, number, NOON, **texts) for number in range(5000)])
    found = find(api, service, limit=10_000)
    assert len(found.json()) == 10_000
    assert "next" not in found.links


def test_a_range_that_reaches_into_the_archive_says_so(
    api: Api, service: str, postgres: Postgres, api_database: str
) -> None:
    with postgres.connect(database=api_database) as connection:
        for day, state in (("1999-05-03", "removed"), ("1999-05-04", "removed"), ("1999-05-09", "archived")):
            connection.run(
                "INSERT INTO archive_objects (name, table_name, day, state, row_count, first_at, last_at, bytes, "
                "sha256, generation, archived_at) VALUES (:name, 'system_metrics', :day, :state, 7, "
                ":day::date + time '01:00', "
                ":day::date + time '23:00', 1, sha256(''), 1, now())",
                name=service + day,
                day=day,
                state=state,
            )
    whole = find(api, service, start_time="1999-05-01T00:00:00Z", end_time="1999-06-01T00:00:00Z")
    assert whole.headers["x-archived-range"] == "1999-05-03T01:00:00.000000+00:00/1999-05-04T23:00:00.000000+00:00"
    assert whole.headers["x-archived-rows"] == "14"
    assert whole.links["archives"]["url"] == "/api/v1/monitoring/retention/restore"
    part = find(api, service, start_time="1999-05-04T12:00:00Z", end_time="1999-05-04T13:00:00Z")
    assert part.headers["x-archived-range"] == "1999-05-04T12:00:00.000000+00:00/1999-05-04T13:00:00.000000+00:00"
    assert part.headers["x-archived-rows"] == "7"
    for start, end in (
        ("1999-05-05T00:00:00Z", "1999-06-01T00:00:00Z"),
        ("1999-05-04T23:30:00Z", "1999-05-04T23:40:00Z"),
    ):
        headers = find(api, service, start_time=start, end_time=end).headers
        assert not {"x-archived-range", "x-archived-rows"} & headers.keys()
