from collections.abc import Mapping
from typing import Any, TypeVar, Union

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="FlagCounts")


@_attrs_define
class FlagCounts:
    """Counts the flags of each type. A type without flags is omitted.

    Attributes:
        inaccurate (Union[Unset, int]): How many flagged the insight as inaccurate.
        misleading (Union[Unset, int]): How many flagged the insight as misleading.
        spam (Union[Unset, int]): How many flagged the insight as spam.
    """

    inaccurate: Union[Unset, int] = UNSET
    misleading: Union[Unset, int] = UNSET
    spam: Union[Unset, int] = UNSET

    def to_dict(self) -> dict[str, Any]:
        inaccurate = self.inaccurate

        misleading = self.misleading

        spam = self.spam

        field_dict: dict[str, Any] = {}

        field_dict.update({})
        if inaccurate is not UNSET:
            field_dict["inaccurate"] = inaccurate
        if misleading is not UNSET:
            field_dict["misleading"] = misleading
        if spam is not UNSET:
            field_dict["spam"] = spam

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        inaccurate = d.pop("inaccurate", UNSET)

        misleading = d.pop("misleading", UNSET)

        spam = d.pop("spam", UNSET)

        flag_counts = cls(
            inaccurate=inaccurate,
            misleading=misleading,
            spam=spam,
        )

        return flag_counts
