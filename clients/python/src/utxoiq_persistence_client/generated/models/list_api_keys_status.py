from typing import Literal, cast

ListApiKeysStatus = Literal["active", "expired", "revoked"]

LIST_API_KEYS_STATUS_VALUES: set[ListApiKeysStatus] = {
    "active",
    "expired",
    "revoked",
}


def check_list_api_keys_status(value: str) -> ListApiKeysStatus:
    if value in LIST_API_KEYS_STATUS_VALUES:
        return cast(ListApiKeysStatus, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {LIST_API_KEYS_STATUS_VALUES!r}")
