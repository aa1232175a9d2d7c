from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..models.pool_answer_status import PoolAnswerStatus, check_pool_answer_status

if TYPE_CHECKING:
    from ..models.fleet_pool import FleetPool


T = TypeVar("T", bound="PoolAnswer")


@_attrs_define
class PoolAnswer:
    """Reports the connection pool metrics.

    Attributes:
        status (PoolAnswerStatus): How it ended.
        metrics (FleetPool): Describes the connection pools of the whole fleet, of each function, and of each instance
            by function/instance.

            `whole` is false if Redis is unavailable: all numbers are then those of the responding instance alone. `server`
            is
            null if the database server did not report in time.
    """

    status: PoolAnswerStatus
    metrics: "FleetPool"

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
        from ..models.fleet_pool import FleetPool

        d = dict(src_dict)
        status = check_pool_answer_status(d.pop("status"))

        metrics = FleetPool.from_dict(d.pop("metrics"))

        pool_answer = cls(
            status=status,
            metrics=metrics,
        )

        return pool_answer
