from typing import Literal, cast

CacheAnswerStatus = Literal["success"]

CACHE_ANSWER_STATUS_VALUES: set[CacheAnswerStatus] = {
    "success",
}


def check_cache_answer_status(value: str) -> CacheAnswerStatus:
    if value in CACHE_ANSWER_STATUS_VALUES:
        return cast(CacheAnswerStatus, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {CACHE_ANSWER_STATUS_VALUES!r}")
