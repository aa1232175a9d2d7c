from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..models.archive_shown_status import ArchiveShownStatus, check_archive_shown_status

if TYPE_CHECKING:
    from ..models.archived_day_shown import ArchivedDayShown


T = TypeVar("T", bound="ArchiveShown")


@_attrs_define
class ArchiveShown:
    """Lists what the archive has by table and day, newest first.

    Attributes:
        status (ArchiveShownStatus): How it ended.
        days (list['ArchivedDayShown']): What the archive has by table and day, newest first.
    """

    status: ArchiveShownStatus
    days: list["ArchivedDayShown"]

    def to_dict(self) -> dict[str, Any]:
        status: str = self.status

        days = []
        for days_item_data in self.days:
            days_item = days_item_data.to_dict()
            days.append(days_item)

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "status": status,
                "days": days,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.archived_day_shown import ArchivedDayShown

        d = dict(src_dict)
        status = check_archive_shown_status(d.pop("status"))

        days = []
        _days = d.pop("days")
        for days_item_data in _days:
            days_item = ArchivedDayShown.from_dict(days_item_data)

            days.append(days_item)

        archive_shown = cls(
            status=status,
            days=days,
        )

        return archive_shown
