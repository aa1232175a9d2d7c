import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, Union, cast

from attrs import define as _attrs_define
from dateutil.parser import isoparse

from ..models.issued_api_key_scopes_item import IssuedApiKeyScopesItem, check_issued_api_key_scopes_item
from ..models.issued_api_key_status import IssuedApiKeyStatus, check_issued_api_key_status

T = TypeVar("T", bound="IssuedApiKey")


@_attrs_define
class IssuedApiKey:
    """Describes a new API key. `key` is the value to send as X-API-Key; no other response shows it.

    Attributes:
        id (str): The id of the key, which is not secret.
        name (str): The name of the key, unique among the keys that are active.
        owner (str): Who answers for the key.
        scopes (list[IssuedApiKeyScopesItem]): What the key may do.
        requests_per_hour (Union[None, int]): How many requests an hour the key may make; null for everybody's limit.
        batches_per_hour (Union[None, int]): How many batches an hour the key may send; null for everybody's limit.
        status (IssuedApiKeyStatus): Whether the key is valid, and if not, why.
        created_at (datetime.datetime): When it was made.
        created_by (str): Who made it.
        expires_at (Union[None, datetime.datetime]): When the key ceases to be valid; null for never.
        revoked_at (Union[None, datetime.datetime]): When the key was revoked; null where it was not.
        successor (Union[None, str]): The id of the key that replaces this one after a rotation.
        last_used_at (Union[None, datetime.datetime]): When the key was last used, to the minute.
        key (str): The value to send as X-API-Key. It is shown this once.
    """

    id: str
    name: str
    owner: str
    scopes: list[IssuedApiKeyScopesItem]
    requests_per_hour: Union[None, int]
    batches_per_hour: Union[None, int]
    status: IssuedApiKeyStatus
    created_at: datetime.datetime
    created_by: str
    expires_at: Union[None, datetime.datetime]
    revoked_at: Union[None, datetime.datetime]
    successor: Union[None, str]
    last_used_at: Union[None, datetime.datetime]
    key: str

    def to_dict(self) -> dict[str, Any]:
        id = self.id

        name = self.name

        owner = self.owner

        scopes = []
        for scopes_item_data in self.scopes:
            scopes_item: str = scopes_item_data
            scopes.append(scopes_item)

        requests_per_hour: Union[None, int]
        requests_per_hour = self.requests_per_hour

        batches_per_hour: Union[None, int]
        batches_per_hour = self.batches_per_hour

        status: str = self.status

        created_at = self.created_at.isoformat()

        created_by = self.created_by

        expires_at: Union[None, str]
        if isinstance(self.expires_at, datetime.datetime):
            expires_at = self.expires_at.isoformat()
        else:
            expires_at = self.expires_at

        revoked_at: Union[None, str]
        if isinstance(self.revoked_at, datetime.datetime):
            revoked_at = self.revoked_at.isoformat()
        else:
            revoked_at = self.revoked_at

        successor: Union[None, str]
        successor = self.successor

        last_used_at: Union[None, str]
        if isinstance(self.last_used_at, datetime.datetime):
            last_used_at = self.last_used_at.isoformat()
        else:
            last_used_at = self.last_used_at

        key = self.key

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "id": id,
                "name": name,
                "owner": owner,
                "scopes": scopes,
                "requests_per_hour": requests_per_hour,
                "batches_per_hour": batches_per_hour,
                "status": status,
                "created_at": created_at,
                "created_by": created_by,
                "expires_at": expires_at,
                "revoked_at": revoked_at,
                "successor": successor,
                "last_used_at": last_used_at,
                "key": key,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = d.pop("id")

        name = d.pop("name")

        owner = d.pop("owner")

        scopes = []
        _scopes = d.pop("scopes")
        for scopes_item_data in _scopes:
            scopes_item = check_issued_api_key_scopes_item(scopes_item_data)

            scopes.append(scopes_item)

        def _parse_requests_per_hour(data: object) -> Union[None, int]:
            if data is None:
                return data
            return cast(Union[None, int], data)

        requests_per_hour = _parse_requests_per_hour(d.pop("requests_per_hour"))

        def _parse_batches_per_hour(data: object) -> Union[None, int]:
            if data is None:
                return data
            return cast(Union[None, int], data)

        batches_per_hour = _parse_batches_per_hour(d.pop("batches_per_hour"))

        status = check_issued_api_key_status(d.pop("status"))

        created_at = isoparse(d.pop("created_at"))

        created_by = d.pop("created_by")

        def _parse_expires_at(data: object) -> Union[None, datetime.datetime]:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                expires_at_type_0 = isoparse(data)

                return expires_at_type_0
            except:  # noqa: E722
                pass
            return cast(Union[None, datetime.datetime], data)

        expires_at = _parse_expires_at(d.pop("expires_at"))

        def _parse_revoked_at(data: object) -> Union[None, datetime.datetime]:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                revoked_at_type_0 = isoparse(data)

                return revoked_at_type_0
            except:  # noqa: E722
                pass
            return cast(Union[None, datetime.datetime], data)

        revoked_at = _parse_revoked_at(d.pop("revoked_at"))

        def _parse_successor(data: object) -> Union[None, str]:
            if data is None:
                return data
            return cast(Union[None, str], data)

        successor = _parse_successor(d.pop("successor"))

        def _parse_last_used_at(data: object) -> Union[None, datetime.datetime]:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                last_used_at_type_0 = isoparse(data)

                return last_used_at_type_0
            except:  # noqa: E722
                pass
            return cast(Union[None, datetime.datetime], data)

        last_used_at = _parse_last_used_at(d.pop("last_used_at"))

        key = d.pop("key")

        issued_api_key = cls(
            id=id,
            name=name,
            owner=owner,
            scopes=scopes,
            requests_per_hour=requests_per_hour,
            batches_per_hour=batches_per_hour,
            status=status,
            created_at=created_at,
            created_by=created_by,
            expires_at=expires_at,
            revoked_at=revoked_at,
            successor=successor,
            last_used_at=last_used_at,
            key=key,
        )

        return issued_api_key
