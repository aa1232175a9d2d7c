from typing import Literal, cast

QueryAnswerShownStatus = Literal["partial", "success"]

QUERY_ANSWER_SHOWN_STATUS_VALUES: set[QueryAnswerShownStatus] = {
    "partial",
    "success",
}


def check_query_answer_shown_status(value: str) -> QueryAnswerShownStatus:
    if value in QUERY_ANSWER_SHOWN_STATUS_VALUES:
        return cast(QueryAnswerShownStatus, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {QUERY_ANSWER_SHOWN_STATUS_VALUES!r}")
