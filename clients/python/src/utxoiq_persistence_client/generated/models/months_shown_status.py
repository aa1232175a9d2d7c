from typing import Literal, cast

MonthsShownStatus = Literal["success"]

MONTHS_SHOWN_STATUS_VALUES: set[MonthsShownStatus] = {
    "success",
}


def check_months_shown_status(value: str) -> MonthsShownStatus:
    if value in MONTHS_SHOWN_STATUS_VALUES:
        return cast(MonthsShownStatus, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {MONTHS_SHOWN_STATUS_VALUES!r}")
