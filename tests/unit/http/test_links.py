from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from utxoiq_http.links import Base, next_page
from utxoiq_persistence.records import MetricsQuery

BASE = Base("https://region-project.cloudfunctions.net/utxoiq-dev-metrics")


def test_a_path_is_as_the_client_wrote_it() -> None:
    assert BASE.path({b"host": b"region-project.cloudfunctions.net"}, "/a") == "/utxoiq-dev-metrics/a"
    assert BASE.path({b"host": b"127.0.0.1:8080"}, "/a") == "/a"
    assert BASE.path({}, "/a") == "/a"


def test_the_next_page_asks_for_the_same_list_from_the_cursor_on() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    query = MetricsQuery(start, start, service_name="a&b", limit=5, offset=10, cursor="old")
    name, link = next_page("/m", query, "new")
    target, relation = link.decode().split("; ")
    assert (name, relation) == (b"link", 'rel="next"')
    url = urlsplit(target.strip("<>"))
    assert url.path == "/m"
    assert parse_qs(url.query) == {
        "start_time": ["2026-01-01T00:00:00+00:00"],
        "end_time": ["2026-01-01T00:00:00+00:00"],
        "service_name": ["a&b"],
        "limit": ["5"],
        "cursor": ["new"],
    }
