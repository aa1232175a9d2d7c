from typing import Literal, cast

RestoredShownStatus = Literal["partial", "success"]

RESTORED_SHOWN_STATUS_VALUES: set[RestoredShownStatus] = {
    "partial",
    "success",
}


def check_restored_shown_status(value: str) -> RestoredShownStatus:
    if value in RESTORED_SHOWN_STATUS_VALUES:
        return cast(RestoredShownStatus, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {RESTORED_SHOWN_STATUS_VALUES!r}")
