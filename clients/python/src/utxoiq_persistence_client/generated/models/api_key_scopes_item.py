from typing import Literal, cast

ApiKeyScopesItem = Literal[
    "admin", "backfill:read", "backfill:write", "feedback:read", "feedback:write", "metrics:read", "metrics:write"
]

API_KEY_SCOPES_ITEM_VALUES: set[ApiKeyScopesItem] = {
    "admin",
    "backfill:read",
    "backfill:write",
    "feedback:read",
    "feedback:write",
    "metrics:read",
    "metrics:write",
}


def check_api_key_scopes_item(value: str) -> ApiKeyScopesItem:
    if value in API_KEY_SCOPES_ITEM_VALUES:
        return cast(ApiKeyScopesItem, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {API_KEY_SCOPES_ITEM_VALUES!r}")
