import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, Union, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field
from dateutil.parser import isoparse

from ..models.new_api_key_scopes_item import NewApiKeyScopesItem, check_new_api_key_scopes_item
from ..types import UNSET, Unset

T = TypeVar("T", bound="NewApiKey")


@_attrs_define
class NewApiKey:
    """Describes an API key to create. A limit left out is the one that every signed-in caller has.

    Attributes:
        name (str): The name of the key, unique among the keys that are active.
        owner (str): Who answers for the key.
        scopes (list[NewApiKeyScopesItem]): What the key may do.
        expires_at (Union[None, Unset, datetime.datetime]): RFC 3339, with T or a space; without an offset it is in UTC.
        requests_per_hour (Union[None, Unset, int]): How many requests an hour the key may make; null for everybody's
            limit.
        batches_per_hour (Union[None, Unset, int]): How many batches an hour the key may send; null for everybody's
            limit.
    """

    name: str
    owner: str
    scopes: list[NewApiKeyScopesItem]
    expires_at: Union[None, Unset, datetime.datetime] = UNSET
    requests_per_hour: Union[None, Unset, int] = UNSET
    batches_per_hour: Union[None, Unset, int] = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        owner = self.owner

        scopes = []
        for scopes_item_data in self.scopes:
            scopes_item: str = scopes_item_data
            scopes.append(scopes_item)

        expires_at: Union[None, Unset, str]
        if isinstance(self.expires_at, Unset):
            expires_at = UNSET
        elif isinstance(self.expires_at, datetime.datetime):
            expires_at = self.expires_at.isoformat()
        else:
            expires_at = self.expires_at

        requests_per_hour: Union[None, Unset, int]
        if isinstance(self.requests_per_hour, Unset):
            requests_per_hour = UNSET
        else:
            requests_per_hour = self.requests_per_hour

        batches_per_hour: Union[None, Unset, int]
        if isinstance(self.batches_per_hour, Unset):
            batches_per_hour = UNSET
        else:
            batches_per_hour = self.batches_per_hour

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "name": name,
                "owner": owner,
                "scopes": scopes,
            }
        )
        if expires_at is not UNSET:
            field_dict["expires_at"] = expires_at
        if requests_per_hour is not UNSET:
            field_dict["requests_per_hour"] = requests_per_hour
        if batches_per_hour is not UNSET:
            field_dict["batches_per_hour"] = batches_per_hour

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        name = d.pop("name")

        owner = d.pop("owner")

        scopes = []
        _scopes = d.pop("scopes")
        for scopes_item_data in _scopes:
            scopes_item = check_new_api_key_scopes_item(scopes_item_data)

            scopes.append(scopes_item)

        def _parse_expires_at(data: object) -> Union[None, Unset, datetime.datetime]:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                expires_at_type_0 = isoparse(data)

                return expires_at_type_0
            except:  # noqa: E722
                pass
            return cast(Union[None, Unset, datetime.datetime], data)

        expires_at = _parse_expires_at(d.pop("expires_at", UNSET))

        def _parse_requests_per_hour(data: object) -> Union[None, Unset, int]:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(Union[None, Unset, int], data)

        requests_per_hour = _parse_requests_per_hour(d.pop("requests_per_hour", UNSET))

        def _parse_batches_per_hour(data: object) -> Union[None, Unset, int]:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(Union[None, Unset, int], data)

        batches_per_hour = _parse_batches_per_hour(d.pop("batches_per_hour", UNSET))

        new_api_key = cls(
            name=name,
            owner=owner,
            scopes=scopes,
            expires_at=expires_at,
            requests_per_hour=requests_per_hour,
            batches_per_hour=batches_per_hour,
        )

        new_api_key.additional_properties = d
        return new_api_key

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
