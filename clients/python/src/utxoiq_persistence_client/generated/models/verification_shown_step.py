from typing import Literal, cast

VerificationShownStep = Literal["check", "choose", "create", "delete", "done", "publish", "restore"]

VERIFICATION_SHOWN_STEP_VALUES: set[VerificationShownStep] = {
    "check",
    "choose",
    "create",
    "delete",
    "done",
    "publish",
    "restore",
}


def check_verification_shown_step(value: str) -> VerificationShownStep:
    if value in VERIFICATION_SHOWN_STEP_VALUES:
        return cast(VerificationShownStep, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {VERIFICATION_SHOWN_STEP_VALUES!r}")
