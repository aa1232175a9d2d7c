from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

if TYPE_CHECKING:
    from ..models.flag_counts import FlagCounts
    from ..models.rating_distribution import RatingDistribution


T = TypeVar("T", bound="Stats")


@_attrs_define
class Stats:
    """Summarizes the feedback on an insight.

    Attributes:
        insight_id (str): The id of the insight.
        total_ratings (int): How many users have rated the insight.
        average_rating (float): 0 where there are no ratings.
        rating_distribution (RatingDistribution): Counts the users who gave each rating.
        total_comments (int): How many users have commented.
        total_flags (int): How many users have flagged the insight.
        flag_types (FlagCounts): Counts the flags of each type. A type without flags is omitted.
    """

    insight_id: str
    total_ratings: int
    average_rating: float
    rating_distribution: "RatingDistribution"
    total_comments: int
    total_flags: int
    flag_types: "FlagCounts"

    def to_dict(self) -> dict[str, Any]:
        insight_id = self.insight_id

        total_ratings = self.total_ratings

        average_rating = self.average_rating

        rating_distribution = self.rating_distribution.to_dict()

        total_comments = self.total_comments

        total_flags = self.total_flags

        flag_types = self.flag_types.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "insight_id": insight_id,
                "total_ratings": total_ratings,
                "average_rating": average_rating,
                "rating_distribution": rating_distribution,
                "total_comments": total_comments,
                "total_flags": total_flags,
                "flag_types": flag_types,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.flag_counts import FlagCounts
        from ..models.rating_distribution import RatingDistribution

        d = dict(src_dict)
        insight_id = d.pop("insight_id")

        total_ratings = d.pop("total_ratings")

        average_rating = d.pop("average_rating")

        rating_distribution = RatingDistribution.from_dict(d.pop("rating_distribution"))

        total_comments = d.pop("total_comments")

        total_flags = d.pop("total_flags")

        flag_types = FlagCounts.from_dict(d.pop("flag_types"))

        stats = cls(
            insight_id=insight_id,
            total_ratings=total_ratings,
            average_rating=average_rating,
            rating_distribution=rating_distribution,
            total_comments=total_comments,
            total_flags=total_flags,
            flag_types=flag_types,
        )

        return stats
