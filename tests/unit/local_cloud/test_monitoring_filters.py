"""Which time series a filter chooses, and what it says of a filter that it does not know."""

import pytest

from local_cloud.google.filters.errors import BadFilter
from local_cloud.google.monitoring.filters import Filter
from local_cloud.google.monitoring.points import Identity

TILL = Identity.from_labels(
    "custom.googleapis.com/shop/sales",
    {"status": "503", "goods": 'tea "green"'},
    "generic_task",
    {"job": "till-1", "namespace": "shop"},
)


@pytest.mark.parametrize(
    "text",
    [
        'metric.type = "custom.googleapis.com/shop/sales"',
        'metric.type="custom.googleapis.com/shop/sales" resource.type="generic_task"',
        "metric.labels.status = 503",
        'metric.label.status = "503" AND resource.label.job = starts_with("till")',
        'metric.labels.status >= 500 AND NOT metric.label.status = "500"',
        'metric.labels.goods = "tea \\"green\\""',
        'metric.labels."goods" = has_substring("green")',
        'resource.labels.job = one_of("till-9", "till-1")',
        'resource.labels.job = monitoring.regex.full_match("till-\\\\d")',
        'resource.labels.job != monitoring.regex.full_match("till")',
        'metric.labels.status = "404" OR metric.labels.status = "503"',
        '(resource.labels.job = "x" OR resource.type = "generic_task") AND metric.label.goods = ends_with("\\"")',
        '-resource.labels.job = "x"',
        'metric.labels.absent != "x"',
        'resource.labels.namespace : "ho"',
    ],
)
def test_a_series_is_chosen(text: str) -> None:
    assert Filter.parse(text).matches(TILL)
    assert not Filter.parse(f"NOT ({text})").matches(TILL)


def test_and_binds_closer_than_or() -> None:
    text = 'resource.labels.job = "till-1" OR resource.labels.job = "x" AND resource.labels.namespace = "y"'
    assert Filter.parse(text).matches(TILL)
    assert not Filter.parse(f'({text.partition(" AND ")[0]}) AND resource.labels.namespace = "y"').matches(TILL)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "empty"),
        ('metric.kind = "GAUGE"', "metric.kind"),
        ('metadata.user_labels.team = "x"', "metadata.user_labels.team"),
        ('resource.labels.job = sounds_like("till")', "sounds_like"),
        ("metric.type = sales", "sales"),
        ('metric.type > "sales"', "sales"),
        ('metric.type = "sales', '"sales'),
        ('(metric.type = "sales"', "')'"),
        ('metric.type = "sales")', "')'"),
        ('resource.labels.job = monitoring.regex.full_match("(")', "regular expression"),
        ("resource.labels.job = one_of()", "one_of"),
        ('group.id = "x"', "group.id"),
    ],
)
def test_what_is_not_known_fails_by_name(text: str, named: str) -> None:
    with pytest.raises(BadFilter, match=f".*{named}".replace("(", r"\(").replace(")", r"\)")):
        Filter.parse(text)


def test_time_series_are_of_one_metric() -> None:
    assert Filter.parse('metric.type = one_of("a")').metric_type == "a"
    for text in ('resource.type = "generic_task"', 'metric.type = "a" OR metric.type = "b"'):
        with pytest.raises(BadFilter, match=r"one metric\.type"):
            _ = Filter.parse(text).metric_type
