from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..models.requests_answer_status import RequestsAnswerStatus, check_requests_answer_status

if TYPE_CHECKING:
    from ..models.fleet_requests import FleetRequests


T = TypeVar("T", bound="RequestsAnswer")


@_attrs_define
class RequestsAnswer:
    """Reports the HTTP request metrics.

    Attributes:
        status (RequestsAnswerStatus): How it ended.
        metrics (FleetRequests): Summarizes the requests of the whole fleet, of each function, each instance and each
            route.

            `routes` are named by method and path and ordered by p95, slowest first.
    """

    status: RequestsAnswerStatus
    metrics: "FleetRequests"

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
        from ..models.fleet_requests import FleetRequests

        d = dict(src_dict)
        status = check_requests_answer_status(d.pop("status"))

        metrics = FleetRequests.from_dict(d.pop("metrics"))

        requests_answer = cls(
            status=status,
            metrics=metrics,
        )

        return requests_answer
