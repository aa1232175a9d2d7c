from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

if TYPE_CHECKING:
    from ..models.comment_shown import CommentShown


T = TypeVar("T", bound="CommentPage")


@_attrs_define
class CommentPage:
    """Lists a page of comments. `total` counts all comments, not only those of the page.

    Attributes:
        insight_id (str): The id of the insight.
        comments (list['CommentShown']): The comments of this page.
        total (int): How many there are in all, not only on this page.
        limit (int): The most rows of one page.
        offset (int): How many rows to leave out at the beginning.
    """

    insight_id: str
    comments: list["CommentShown"]
    total: int
    limit: int
    offset: int

    def to_dict(self) -> dict[str, Any]:
        insight_id = self.insight_id

        comments = []
        for comments_item_data in self.comments:
            comments_item = comments_item_data.to_dict()
            comments.append(comments_item)

        total = self.total

        limit = self.limit

        offset = self.offset

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "insight_id": insight_id,
                "comments": comments,
                "total": total,
                "limit": limit,
                "offset": offset,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.comment_shown import CommentShown

        d = dict(src_dict)
        insight_id = d.pop("insight_id")

        comments = []
        _comments = d.pop("comments")
        for comments_item_data in _comments:
            comments_item = CommentShown.from_dict(comments_item_data)

            comments.append(comments_item)

        total = d.pop("total")

        limit = d.pop("limit")

        offset = d.pop("offset")

        comment_page = cls(
            insight_id=insight_id,
            comments=comments,
            total=total,
            limit=limit,
            offset=offset,
        )

        return comment_page
