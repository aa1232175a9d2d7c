from collections.abc import Mapping
from typing import Any, TypeVar, Union, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..models.flag_flag_type import FlagFlagType, check_flag_flag_type
from ..types import UNSET, Unset

T = TypeVar("T", bound="Flag")


@_attrs_define
class Flag:
    """Flags an insight as inaccurate, misleading or spam.

    Attributes:
        insight_id (str): The id of the insight.
        flag_type (FlagFlagType): What is wrong with the insight; null where it is not flagged.
        flag_reason (Union[None, Unset, str]): Why the insight is flagged, in the user's words.
        user_id (Union[None, Unset, str]): The id of the user. A user may leave it out; a service names whose feedback
            it is.
    """

    insight_id: str
    flag_type: FlagFlagType
    flag_reason: Union[None, Unset, str] = UNSET
    user_id: Union[None, Unset, str] = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        insight_id = self.insight_id

        flag_type: str = self.flag_type

        flag_reason: Union[None, Unset, str]
        if isinstance(self.flag_reason, Unset):
            flag_reason = UNSET
        else:
            flag_reason = self.flag_reason

        user_id: Union[None, Unset, str]
        if isinstance(self.user_id, Unset):
            user_id = UNSET
        else:
            user_id = self.user_id

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "insight_id": insight_id,
                "flag_type": flag_type,
            }
        )
        if flag_reason is not UNSET:
            field_dict["flag_reason"] = flag_reason
        if user_id is not UNSET:
            field_dict["user_id"] = user_id

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        insight_id = d.pop("insight_id")

        flag_type = check_flag_flag_type(d.pop("flag_type"))

        def _parse_flag_reason(data: object) -> Union[None, Unset, str]:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(Union[None, Unset, str], data)

        flag_reason = _parse_flag_reason(d.pop("flag_reason", UNSET))

        def _parse_user_id(data: object) -> Union[None, Unset, str]:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(Union[None, Unset, str], data)

        user_id = _parse_user_id(d.pop("user_id", UNSET))

        flag = cls(
            insight_id=insight_id,
            flag_type=flag_type,
            flag_reason=flag_reason,
            user_id=user_id,
        )

        flag.additional_properties = d
        return flag

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
