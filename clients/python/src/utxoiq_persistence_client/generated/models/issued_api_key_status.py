from typing import Literal, cast

IssuedApiKeyStatus = Literal["active", "expired", "revoked"]

ISSUED_API_KEY_STATUS_VALUES: set[IssuedApiKeyStatus] = {
    "active",
    "expired",
    "revoked",
}


def check_issued_api_key_status(value: str) -> IssuedApiKeyStatus:
    if value in ISSUED_API_KEY_STATUS_VALUES:
        return cast(IssuedApiKeyStatus, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {ISSUED_API_KEY_STATUS_VALUES!r}")
