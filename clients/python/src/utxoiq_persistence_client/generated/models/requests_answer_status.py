from typing import Literal, cast

RequestsAnswerStatus = Literal["success"]

REQUESTS_ANSWER_STATUS_VALUES: set[RequestsAnswerStatus] = {
    "success",
}


def check_requests_answer_status(value: str) -> RequestsAnswerStatus:
    if value in REQUESTS_ANSWER_STATUS_VALUES:
        return cast(RequestsAnswerStatus, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {REQUESTS_ANSWER_STATUS_VALUES!r}")
