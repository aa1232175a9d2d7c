from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

if TYPE_CHECKING:
    from ..models.feedback_row import FeedbackRow


T = TypeVar("T", bound="UserFeedbackPage")


@_attrs_define
class UserFeedbackPage:
    """Lists a page of feedback. `total` counts all matches, not only those of the page.

    Attributes:
        user_id (str): The id of the user. A user may leave it out; a service names whose feedback it is.
        feedback (list['FeedbackRow']): The feedback of this page.
        total (int): How many there are in all, not only on this page.
        limit (int): The most rows of one page.
        offset (int): How many rows to leave out at the beginning.
    """

    user_id: str
    feedback: list["FeedbackRow"]
    total: int
    limit: int
    offset: int

    def to_dict(self) -> dict[str, Any]:
        user_id = self.user_id

        feedback = []
        for feedback_item_data in self.feedback:
            feedback_item = feedback_item_data.to_dict()
            feedback.append(feedback_item)

        total = self.total

        limit = self.limit

        offset = self.offset

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "user_id": user_id,
                "feedback": feedback,
                "total": total,
                "limit": limit,
                "offset": offset,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.feedback_row import FeedbackRow

        d = dict(src_dict)
        user_id = d.pop("user_id")

        feedback = []
        _feedback = d.pop("feedback")
        for feedback_item_data in _feedback:
            feedback_item = FeedbackRow.from_dict(feedback_item_data)

            feedback.append(feedback_item)

        total = d.pop("total")

        limit = d.pop("limit")

        offset = d.pop("offset")

        user_feedback_page = cls(
            user_id=user_id,
            feedback=feedback,
            total=total,
            limit=limit,
            offset=offset,
        )

        return user_feedback_page
