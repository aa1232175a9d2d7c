from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="ErasedInDatabase")


@_attrs_define
class ErasedInDatabase:
    """Counts the rows of feedback that are gone, and the entries of the audit log that name nobody any more.

    Attributes:
        feedback (int): How many rows of feedback are gone.
        audit_entries (int): How many entries of the audit log name the user no more.
    """

    feedback: int
    audit_entries: int

    def to_dict(self) -> dict[str, Any]:
        feedback = self.feedback

        audit_entries = self.audit_entries

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "feedback": feedback,
                "audit_entries": audit_entries,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        feedback = d.pop("feedback")

        audit_entries = d.pop("audit_entries")

        erased_in_database = cls(
            feedback=feedback,
            audit_entries=audit_entries,
        )

        return erased_in_database
