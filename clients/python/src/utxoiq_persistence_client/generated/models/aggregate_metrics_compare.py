from typing import Literal, cast

AggregateMetricsCompare = Literal["previous_period", "previous_week", "previous_year"]

AGGREGATE_METRICS_COMPARE_VALUES: set[AggregateMetricsCompare] = {
    "previous_period",
    "previous_week",
    "previous_year",
}


def check_aggregate_metrics_compare(value: str) -> AggregateMetricsCompare:
    if value in AGGREGATE_METRICS_COMPARE_VALUES:
        return cast(AggregateMetricsCompare, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {AGGREGATE_METRICS_COMPARE_VALUES!r}")
