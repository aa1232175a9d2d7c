from typing import Literal, cast

QueriesAnswerStatus = Literal["success"]

QUERIES_ANSWER_STATUS_VALUES: set[QueriesAnswerStatus] = {
    "success",
}


def check_queries_answer_status(value: str) -> QueriesAnswerStatus:
    if value in QUERIES_ANSWER_STATUS_VALUES:
        return cast(QueriesAnswerStatus, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {QUERIES_ANSWER_STATUS_VALUES!r}")
