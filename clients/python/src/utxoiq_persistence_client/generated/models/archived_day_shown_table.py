from typing import Literal, cast

ArchivedDayShownTable = Literal["backfill_jobs", "insight_feedback", "system_metrics"]

ARCHIVED_DAY_SHOWN_TABLE_VALUES: set[ArchivedDayShownTable] = {
    "backfill_jobs",
    "insight_feedback",
    "system_metrics",
}


def check_archived_day_shown_table(value: str) -> ArchivedDayShownTable:
    if value in ARCHIVED_DAY_SHOWN_TABLE_VALUES:
        return cast(ArchivedDayShownTable, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {ARCHIVED_DAY_SHOWN_TABLE_VALUES!r}")
