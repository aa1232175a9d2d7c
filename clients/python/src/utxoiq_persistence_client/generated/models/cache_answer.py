from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..models.cache_answer_status import CacheAnswerStatus, check_cache_answer_status

if TYPE_CHECKING:
    from ..models.fleet_cache import FleetCache


T = TypeVar("T", bound="CacheAnswer")


@_attrs_define
class CacheAnswer:
    """Reports the cache metrics.

    Attributes:
        status (CacheAnswerStatus): How it ended.
        metrics (FleetCache): Counts the cache lookups of the whole fleet, of each function, each instance and each
            group of entries.
    """

    status: CacheAnswerStatus
    metrics: "FleetCache"

    def to_dict(self) -> dict[str, Any]:
        status: str = self.status

        metrics = self.metrics.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "status": status,
                "metrics": metrics,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.fleet_cache import FleetCache

        d = dict(src_dict)
        status = check_cache_answer_status(d.pop("status"))

        metrics = FleetCache.from_dict(d.pop("metrics"))

        cache_answer = cls(
            status=status,
            metrics=metrics,
        )

        return cache_answer
