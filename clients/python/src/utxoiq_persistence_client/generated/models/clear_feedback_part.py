from typing import Literal, cast

ClearFeedbackPart = Literal["comment", "flag", "rating"]

CLEAR_FEEDBACK_PART_VALUES: set[ClearFeedbackPart] = {
    "comment",
    "flag",
    "rating",
}


def check_clear_feedback_part(value: str) -> ClearFeedbackPart:
    if value in CLEAR_FEEDBACK_PART_VALUES:
        return cast(ClearFeedbackPart, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {CLEAR_FEEDBACK_PART_VALUES!r}")
