from typing import Literal, cast

ListBackfillJobsStatus = Literal["completed", "failed", "paused", "running"]

LIST_BACKFILL_JOBS_STATUS_VALUES: set[ListBackfillJobsStatus] = {
    "completed",
    "failed",
    "paused",
    "running",
}


def check_list_backfill_jobs_status(value: str) -> ListBackfillJobsStatus:
    if value in LIST_BACKFILL_JOBS_STATUS_VALUES:
        return cast(ListBackfillJobsStatus, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {LIST_BACKFILL_JOBS_STATUS_VALUES!r}")
