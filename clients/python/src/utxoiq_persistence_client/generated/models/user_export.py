from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

if TYPE_CHECKING:
    from ..models.feedback_row import FeedbackRow
    from ..models.person_audit_entry import PersonAuditEntry


T = TypeVar("T", bound="UserExport")


@_attrs_define
class UserExport:
    """Lists what is held of a user. `archived` has feedback as it was archived; restored rows are in both lists.

    `missing_objects` counts objects of the archive that could hold more and have expired.

    Attributes:
            user_id (str): The id of the user. A user may leave it out; a service names whose feedback it is.
            feedback (list['FeedbackRow']): What is in the database, oldest first.
            archived (list['FeedbackRow']): What is in the archive, oldest first.
            audit (list['PersonAuditEntry']): The entries of the audit log that name the user, oldest first.
            missing_objects (int): How many objects of the archive could hold more and have expired.
    """

    user_id: str
    feedback: list["FeedbackRow"]
    archived: list["FeedbackRow"]
    audit: list["PersonAuditEntry"]
    missing_objects: int

    def to_dict(self) -> dict[str, Any]:
        user_id = self.user_id

        feedback = []
        for feedback_item_data in self.feedback:
            feedback_item = feedback_item_data.to_dict()
            feedback.append(feedback_item)

        archived = []
        for archived_item_data in self.archived:
            archived_item = archived_item_data.to_dict()
            archived.append(archived_item)

        audit = []
        for audit_item_data in self.audit:
            audit_item = audit_item_data.to_dict()
            audit.append(audit_item)

        missing_objects = self.missing_objects

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "user_id": user_id,
                "feedback": feedback,
                "archived": archived,
                "audit": audit,
                "missing_objects": missing_objects,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.feedback_row import FeedbackRow
        from ..models.person_audit_entry import PersonAuditEntry

        d = dict(src_dict)
        user_id = d.pop("user_id")

        feedback = []
        _feedback = d.pop("feedback")
        for feedback_item_data in _feedback:
            feedback_item = FeedbackRow.from_dict(feedback_item_data)

            feedback.append(feedback_item)

        archived = []
        _archived = d.pop("archived")
        for archived_item_data in _archived:
            archived_item = FeedbackRow.from_dict(archived_item_data)

            archived.append(archived_item)

        audit = []
        _audit = d.pop("audit")
        for audit_item_data in _audit:
            audit_item = PersonAuditEntry.from_dict(audit_item_data)

            audit.append(audit_item)

        missing_objects = d.pop("missing_objects")

        user_export = cls(
            user_id=user_id,
            feedback=feedback,
            archived=archived,
            audit=audit,
            missing_objects=missing_objects,
        )

        return user_export
