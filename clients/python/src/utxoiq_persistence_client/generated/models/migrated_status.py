from typing import Literal, cast

MigratedStatus = Literal["success"]

MIGRATED_STATUS_VALUES: set[MigratedStatus] = {
    "success",
}


def check_migrated_status(value: str) -> MigratedStatus:
    if value in MIGRATED_STATUS_VALUES:
        return cast(MigratedStatus, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {MIGRATED_STATUS_VALUES!r}")
