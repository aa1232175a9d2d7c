from typing import Literal, cast

FeedbackRowFlagTypeType0 = Literal["inaccurate", "misleading", "spam"]

FEEDBACK_ROW_FLAG_TYPE_TYPE_0_VALUES: set[FeedbackRowFlagTypeType0] = {
    "inaccurate",
    "misleading",
    "spam",
}


def check_feedback_row_flag_type_type_0(value: str) -> FeedbackRowFlagTypeType0:
    if value in FEEDBACK_ROW_FLAG_TYPE_TYPE_0_VALUES:
        return cast(FeedbackRowFlagTypeType0, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {FEEDBACK_ROW_FLAG_TYPE_TYPE_0_VALUES!r}")
