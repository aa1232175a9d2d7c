from typing import Literal, cast

ListArchiveDaysTable = Literal["backfill_jobs", "insight_feedback", "system_metrics"]

LIST_ARCHIVE_DAYS_TABLE_VALUES: set[ListArchiveDaysTable] = {
    "backfill_jobs",
    "insight_feedback",
    "system_metrics",
}


def check_list_archive_days_table(value: str) -> ListArchiveDaysTable:
    if value in LIST_ARCHIVE_DAYS_TABLE_VALUES:
        return cast(ListArchiveDaysTable, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {LIST_ARCHIVE_DAYS_TABLE_VALUES!r}")
