from typing import Literal, cast

ArchivedDayShownState = Literal["archived", "gone", "removed", "writing"]

ARCHIVED_DAY_SHOWN_STATE_VALUES: set[ArchivedDayShownState] = {
    "archived",
    "gone",
    "removed",
    "writing",
}


def check_archived_day_shown_state(value: str) -> ArchivedDayShownState:
    if value in ARCHIVED_DAY_SHOWN_STATE_VALUES:
        return cast(ArchivedDayShownState, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {ARCHIVED_DAY_SHOWN_STATE_VALUES!r}")
