import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, Union

from attrs import define as _attrs_define
from attrs import field as _attrs_field
from dateutil.parser import isoparse

from ..models.restore_order_table import RestoreOrderTable, check_restore_order_table
from ..types import UNSET, Unset

T = TypeVar("T", bound="RestoreOrder")


@_attrs_define
class RestoreOrder:
    """Selects the archived rows to restore: those with start_time <= time < end_time.

    Retention keeps the restored rows for `keep_days` days.

    Attributes:
            table (RestoreOrderTable): The table whose rows are restored.
            start_time (datetime.datetime): RFC 3339, with T or a space; without an offset it is in UTC.
            end_time (datetime.datetime): RFC 3339, with T or a space; without an offset it is in UTC.
            keep_days (Union[Unset, int]): For how many days retention leaves them there. Default: 30.
    """

    table: RestoreOrderTable
    start_time: datetime.datetime
    end_time: datetime.datetime
    keep_days: Union[Unset, int] = 30
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        table: str = self.table

        start_time = self.start_time.isoformat()

        end_time = self.end_time.isoformat()

        keep_days = self.keep_days

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "table": table,
                "start_time": start_time,
                "end_time": end_time,
            }
        )
        if keep_days is not UNSET:
            field_dict["keep_days"] = keep_days

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        table = check_restore_order_table(d.pop("table"))

        start_time = isoparse(d.pop("start_time"))

        end_time = isoparse(d.pop("end_time"))

        keep_days = d.pop("keep_days", UNSET)

        restore_order = cls(
            table=table,
            start_time=start_time,
            end_time=end_time,
            keep_days=keep_days,
        )

        restore_order.additional_properties = d
        return restore_order

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
