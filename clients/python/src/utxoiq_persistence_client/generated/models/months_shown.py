from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.months_shown_status import MonthsShownStatus, check_months_shown_status

T = TypeVar("T", bound="MonthsShown")


@_attrs_define
class MonthsShown:
    """Reports the months whose partitions were created and dropped.

    `deleted` counts the rows of the dropped months, all of which are in the archive.

    Attributes:
            status (MonthsShownStatus): How it ended.
            message (str): The same in words.
            made (list[str]): The months whose partitions were made.
            dropped (list[str]): The months whose partitions were dropped.
            deleted (int): How many rows were deleted, all of which are in the archive.
    """

    status: MonthsShownStatus
    message: str
    made: list[str]
    dropped: list[str]
    deleted: int

    def to_dict(self) -> dict[str, Any]:
        status: str = self.status

        message = self.message

        made = self.made

        dropped = self.dropped

        deleted = self.deleted

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "status": status,
                "message": message,
                "made": made,
                "dropped": dropped,
                "deleted": deleted,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        status = check_months_shown_status(d.pop("status"))

        message = d.pop("message")

        made = cast(list[str], d.pop("made"))

        dropped = cast(list[str], d.pop("dropped"))

        deleted = d.pop("deleted")

        months_shown = cls(
            status=status,
            message=message,
            made=made,
            dropped=dropped,
            deleted=deleted,
        )

        return months_shown
