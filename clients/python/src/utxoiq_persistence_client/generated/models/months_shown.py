from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.months_shown_status import MonthsShownStatus, check_months_shown_status

T = TypeVar("T", bound="MonthsShown")


@_attrs_define
class MonthsShown:
    """Reports the months whose partitions were created and dropped.

    `deleted` counts the rows of the dropped months, all of which are in the archive. Those of the audit log end when
    they are older than it is kept: `audit_dropped` names their tables, and `audit_deleted` counts older entries of the
    tables that hold several months. `forgotten` counts records of objects that the archive has no more.

    Attributes:
            status (MonthsShownStatus): How it ended.
            message (str): The same in words.
            made (list[str]): The months whose partitions were made.
            dropped (list[str]): The months whose partitions were dropped.
            deleted (int): How many rows were deleted, all of which are in the archive.
            audit_made (list[str]): The months of the audit log whose partitions were made.
            audit_dropped (list[str]): The partitions of the audit log that were dropped.
            audit_deleted (int): How many entries of the audit log went with them.
            forgotten (int): How many lines of the archive's record were deleted whose objects are past their year.
    """

    status: MonthsShownStatus
    message: str
    made: list[str]
    dropped: list[str]
    deleted: int
    audit_made: list[str]
    audit_dropped: list[str]
    audit_deleted: int
    forgotten: int

    def to_dict(self) -> dict[str, Any]:
        status: str = self.status

        message = self.message

        made = self.made

        dropped = self.dropped

        deleted = self.deleted

        audit_made = self.audit_made

        audit_dropped = self.audit_dropped

        audit_deleted = self.audit_deleted

        forgotten = self.forgotten

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "status": status,
                "message": message,
                "made": made,
                "dropped": dropped,
                "deleted": deleted,
                "audit_made": audit_made,
                "audit_dropped": audit_dropped,
                "audit_deleted": audit_deleted,
                "forgotten": forgotten,
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

        audit_made = cast(list[str], d.pop("audit_made"))

        audit_dropped = cast(list[str], d.pop("audit_dropped"))

        audit_deleted = d.pop("audit_deleted")

        forgotten = d.pop("forgotten")

        months_shown = cls(
            status=status,
            message=message,
            made=made,
            dropped=dropped,
            deleted=deleted,
            audit_made=audit_made,
            audit_dropped=audit_dropped,
            audit_deleted=audit_deleted,
            forgotten=forgotten,
        )

        return months_shown
