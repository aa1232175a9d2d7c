from typing import Literal, cast

IssuedApiKeyScopesItem = Literal[
    "admin", "backfill:read", "backfill:write", "feedback:read", "feedback:write", "metrics:read", "metrics:write"
]

ISSUED_API_KEY_SCOPES_ITEM_VALUES: set[IssuedApiKeyScopesItem] = {
    "admin",
    "backfill:read",
    "backfill:write",
    "feedback:read",
    "feedback:write",
    "metrics:read",
    "metrics:write",
}


def check_issued_api_key_scopes_item(value: str) -> IssuedApiKeyScopesItem:
    if value in ISSUED_API_KEY_SCOPES_ITEM_VALUES:
        return cast(IssuedApiKeyScopesItem, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {ISSUED_API_KEY_SCOPES_ITEM_VALUES!r}")
