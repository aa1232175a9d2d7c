from typing import Literal, cast

BackupShownStatus = Literal["failed", "running", "success"]

BACKUP_SHOWN_STATUS_VALUES: set[BackupShownStatus] = {
    "failed",
    "running",
    "success",
}


def check_backup_shown_status(value: str) -> BackupShownStatus:
    if value in BACKUP_SHOWN_STATUS_VALUES:
        return cast(BackupShownStatus, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {BACKUP_SHOWN_STATUS_VALUES!r}")
