from typing import Literal, cast

VerificationShownStatus = Literal["failed", "passed", "running"]

VERIFICATION_SHOWN_STATUS_VALUES: set[VerificationShownStatus] = {
    "failed",
    "passed",
    "running",
}


def check_verification_shown_status(value: str) -> VerificationShownStatus:
    if value in VERIFICATION_SHOWN_STATUS_VALUES:
        return cast(VerificationShownStatus, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {VERIFICATION_SHOWN_STATUS_VALUES!r}")
