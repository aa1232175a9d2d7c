from typing import Literal, cast

JobProgressStatusType0 = Literal["completed", "failed", "paused", "running"]

JOB_PROGRESS_STATUS_TYPE_0_VALUES: set[JobProgressStatusType0] = {
    "completed",
    "failed",
    "paused",
    "running",
}


def check_job_progress_status_type_0(value: str) -> JobProgressStatusType0:
    if value in JOB_PROGRESS_STATUS_TYPE_0_VALUES:
        return cast(JobProgressStatusType0, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {JOB_PROGRESS_STATUS_TYPE_0_VALUES!r}")
