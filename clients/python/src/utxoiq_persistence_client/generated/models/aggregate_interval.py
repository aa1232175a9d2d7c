from typing import Literal, cast

AggregateInterval = Literal["day", "hour", "week"]

AGGREGATE_INTERVAL_VALUES: set[AggregateInterval] = {
    "day",
    "hour",
    "week",
}


def check_aggregate_interval(value: str) -> AggregateInterval:
    if value in AGGREGATE_INTERVAL_VALUES:
        return cast(AggregateInterval, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {AGGREGATE_INTERVAL_VALUES!r}")
