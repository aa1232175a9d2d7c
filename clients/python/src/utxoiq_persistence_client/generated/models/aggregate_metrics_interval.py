from typing import Literal, cast

AggregateMetricsInterval = Literal["day", "hour", "week"]

AGGREGATE_METRICS_INTERVAL_VALUES: set[AggregateMetricsInterval] = {
    "day",
    "hour",
    "week",
}


def check_aggregate_metrics_interval(value: str) -> AggregateMetricsInterval:
    if value in AGGREGATE_METRICS_INTERVAL_VALUES:
        return cast(AggregateMetricsInterval, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {AGGREGATE_METRICS_INTERVAL_VALUES!r}")
