from typing import Literal, cast

RestoreOrderTable = Literal["backfill_jobs", "insight_feedback", "system_metrics"]

RESTORE_ORDER_TABLE_VALUES: set[RestoreOrderTable] = {
    "backfill_jobs",
    "insight_feedback",
    "system_metrics",
}


def check_restore_order_table(value: str) -> RestoreOrderTable:
    if value in RESTORE_ORDER_TABLE_VALUES:
        return cast(RestoreOrderTable, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {RESTORE_ORDER_TABLE_VALUES!r}")
