import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, Union, cast
from uuid import UUID

from attrs import define as _attrs_define
from dateutil.parser import isoparse

from ..models.feedback_row_flag_type_type_0 import FeedbackRowFlagTypeType0, check_feedback_row_flag_type_type_0

T = TypeVar("T", bound="FeedbackRow")


@_attrs_define
class FeedbackRow:
    """Describes the feedback of a user on an insight.

    Attributes:
        id (UUID): The id of the row; one for each user and insight.
        insight_id (str): The id of the insight.
        user_id (str): The id of the user. A user may leave it out; a service names whose feedback it is.
        rating (Union[None, int]): From 1, the worst, to 5; null where the user has not rated.
        comment (Union[None, str]): The user's comment; null where there is none.
        flag_type (Union[FeedbackRowFlagTypeType0, None]): What is wrong with the insight; null where it is not flagged.
        flag_reason (Union[None, str]): Why the insight is flagged, in the user's words.
        created_at (datetime.datetime): When it was made.
        updated_at (datetime.datetime): When it was last changed.
    """

    id: UUID
    insight_id: str
    user_id: str
    rating: Union[None, int]
    comment: Union[None, str]
    flag_type: Union[FeedbackRowFlagTypeType0, None]
    flag_reason: Union[None, str]
    created_at: datetime.datetime
    updated_at: datetime.datetime

    def to_dict(self) -> dict[str, Any]:
        id = str(self.id)

        insight_id = self.insight_id

        user_id = self.user_id

        rating: Union[None, int]
        rating = self.rating

        comment: Union[None, str]
        comment = self.comment

        flag_type: Union[None, str]
        if isinstance(self.flag_type, str):
            flag_type = self.flag_type
        else:
            flag_type = self.flag_type

        flag_reason: Union[None, str]
        flag_reason = self.flag_reason

        created_at = self.created_at.isoformat()

        updated_at = self.updated_at.isoformat()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "id": id,
                "insight_id": insight_id,
                "user_id": user_id,
                "rating": rating,
                "comment": comment,
                "flag_type": flag_type,
                "flag_reason": flag_reason,
                "created_at": created_at,
                "updated_at": updated_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = UUID(d.pop("id"))

        insight_id = d.pop("insight_id")

        user_id = d.pop("user_id")

        def _parse_rating(data: object) -> Union[None, int]:
            if data is None:
                return data
            return cast(Union[None, int], data)

        rating = _parse_rating(d.pop("rating"))

        def _parse_comment(data: object) -> Union[None, str]:
            if data is None:
                return data
            return cast(Union[None, str], data)

        comment = _parse_comment(d.pop("comment"))

        def _parse_flag_type(data: object) -> Union[FeedbackRowFlagTypeType0, None]:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                flag_type_type_0 = check_feedback_row_flag_type_type_0(data)

                return flag_type_type_0
            except:  # noqa: E722
                pass
            return cast(Union[FeedbackRowFlagTypeType0, None], data)

        flag_type = _parse_flag_type(d.pop("flag_type"))

        def _parse_flag_reason(data: object) -> Union[None, str]:
            if data is None:
                return data
            return cast(Union[None, str], data)

        flag_reason = _parse_flag_reason(d.pop("flag_reason"))

        created_at = isoparse(d.pop("created_at"))

        updated_at = isoparse(d.pop("updated_at"))

        feedback_row = cls(
            id=id,
            insight_id=insight_id,
            user_id=user_id,
            rating=rating,
            comment=comment,
            flag_type=flag_type,
            flag_reason=flag_reason,
            created_at=created_at,
            updated_at=updated_at,
        )

        return feedback_row
