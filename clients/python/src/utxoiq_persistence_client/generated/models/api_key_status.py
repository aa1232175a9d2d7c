from typing import Literal, cast

ApiKeyStatus = Literal["active", "expired", "revoked"]

API_KEY_STATUS_VALUES: set[ApiKeyStatus] = {
    "active",
    "expired",
    "revoked",
}


def check_api_key_status(value: str) -> ApiKeyStatus:
    if value in API_KEY_STATUS_VALUES:
        return cast(ApiKeyStatus, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {API_KEY_STATUS_VALUES!r}")
