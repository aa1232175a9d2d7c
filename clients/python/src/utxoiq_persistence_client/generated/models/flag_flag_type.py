from typing import Literal, cast

FlagFlagType = Literal["inaccurate", "misleading", "spam"]

FLAG_FLAG_TYPE_VALUES: set[FlagFlagType] = {
    "inaccurate",
    "misleading",
    "spam",
}


def check_flag_flag_type(value: str) -> FlagFlagType:
    if value in FLAG_FLAG_TYPE_VALUES:
        return cast(FlagFlagType, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {FLAG_FLAG_TYPE_VALUES!r}")
