from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

T = TypeVar("T", bound="TallyShown")


@_attrs_define
class TallyShown:
    """Counts the rows of one table that a run archived and deleted, and its errors.

    `details` says what went wrong and what is left for the next run.

    Attributes:
            archived (int): How many rows were moved to the archive.
            deleted (int): How many rows were deleted, all of which are in the archive.
            errors (int): How many errors there were.
            details (list[str]): What went wrong, and what is left for the next run.
    """

    archived: int
    deleted: int
    errors: int
    details: list[str]

    def to_dict(self) -> dict[str, Any]:
        archived = self.archived

        deleted = self.deleted

        errors = self.errors

        details = self.details

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "archived": archived,
                "deleted": deleted,
                "errors": errors,
                "details": details,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        archived = d.pop("archived")

        deleted = d.pop("deleted")

        errors = d.pop("errors")

        details = cast(list[str], d.pop("details"))

        tally_shown = cls(
            archived=archived,
            deleted=deleted,
            errors=errors,
            details=details,
        )

        return tally_shown
