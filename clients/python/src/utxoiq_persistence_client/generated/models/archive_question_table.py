from typing import Literal, cast

ArchiveQuestionTable = Literal["backfill_jobs", "insight_feedback", "system_metrics"]

ARCHIVE_QUESTION_TABLE_VALUES: set[ArchiveQuestionTable] = {
    "backfill_jobs",
    "insight_feedback",
    "system_metrics",
}


def check_archive_question_table(value: str) -> ArchiveQuestionTable:
    if value in ARCHIVE_QUESTION_TABLE_VALUES:
        return cast(ArchiveQuestionTable, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {ARCHIVE_QUESTION_TABLE_VALUES!r}")
