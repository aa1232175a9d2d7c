from typing import Literal, cast

ArchiveShownStatus = Literal["success"]

ARCHIVE_SHOWN_STATUS_VALUES: set[ArchiveShownStatus] = {
    "success",
}


def check_archive_shown_status(value: str) -> ArchiveShownStatus:
    if value in ARCHIVE_SHOWN_STATUS_VALUES:
        return cast(ArchiveShownStatus, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {ARCHIVE_SHOWN_STATUS_VALUES!r}")
