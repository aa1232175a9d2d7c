from typing import Literal, cast

PoolAnswerStatus = Literal["success"]

POOL_ANSWER_STATUS_VALUES: set[PoolAnswerStatus] = {
    "success",
}


def check_pool_answer_status(value: str) -> PoolAnswerStatus:
    if value in POOL_ANSWER_STATUS_VALUES:
        return cast(PoolAnswerStatus, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {POOL_ANSWER_STATUS_VALUES!r}")
