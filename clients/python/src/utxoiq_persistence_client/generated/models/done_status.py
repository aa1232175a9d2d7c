from typing import Literal, cast

DoneStatus = Literal["success"]

DONE_STATUS_VALUES: set[DoneStatus] = {
    "success",
}


def check_done_status(value: str) -> DoneStatus:
    if value in DONE_STATUS_VALUES:
        return cast(DoneStatus, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {DONE_STATUS_VALUES!r}")
