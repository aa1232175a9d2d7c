import datetime
from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

from attrs import define as _attrs_define
from dateutil.parser import isoparse

T = TypeVar("T", bound="CommentShown")


@_attrs_define
class CommentShown:
    """Describes a comment on an insight.

    Attributes:
        id (UUID): The id of the feedback that the comment belongs to.
        user_id (str): The id of the user. A user may leave it out; a service names whose feedback it is.
        comment (str): The user's comment; null where there is none.
        created_at (datetime.datetime): When it was made.
        updated_at (datetime.datetime): When it was last changed.
    """

    id: UUID
    user_id: str
    comment: str
    created_at: datetime.datetime
    updated_at: datetime.datetime

    def to_dict(self) -> dict[str, Any]:
        id = str(self.id)

        user_id = self.user_id

        comment = self.comment

        created_at = self.created_at.isoformat()

        updated_at = self.updated_at.isoformat()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "id": id,
                "user_id": user_id,
                "comment": comment,
                "created_at": created_at,
                "updated_at": updated_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = UUID(d.pop("id"))

        user_id = d.pop("user_id")

        comment = d.pop("comment")

        created_at = isoparse(d.pop("created_at"))

        updated_at = isoparse(d.pop("updated_at"))

        comment_shown = cls(
            id=id,
            user_id=user_id,
            comment=comment,
            created_at=created_at,
            updated_at=updated_at,
        )

        return comment_shown
