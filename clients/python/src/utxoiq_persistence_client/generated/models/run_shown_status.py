from typing import Literal, cast

RunShownStatus = Literal["failed", "partial", "success"]

RUN_SHOWN_STATUS_VALUES: set[RunShownStatus] = {
    "failed",
    "partial",
    "success",
}


def check_run_shown_status(value: str) -> RunShownStatus:
    if value in RUN_SHOWN_STATUS_VALUES:
        return cast(RunShownStatus, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {RUN_SHOWN_STATUS_VALUES!r}")
