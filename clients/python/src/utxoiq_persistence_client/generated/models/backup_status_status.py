from typing import Literal, cast

BackupStatusStatus = Literal["success"]

BACKUP_STATUS_STATUS_VALUES: set[BackupStatusStatus] = {
    "success",
}


def check_backup_status_status(value: str) -> BackupStatusStatus:
    if value in BACKUP_STATUS_STATUS_VALUES:
        return cast(BackupStatusStatus, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {BACKUP_STATUS_STATUS_VALUES!r}")
