from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.fleet_requests_by_instance import FleetRequestsByInstance
    from ..models.fleet_requests_functions import FleetRequestsFunctions
    from ..models.fleet_requests_routes import FleetRequestsRoutes
    from ..models.fleet_requests_statuses import FleetRequestsStatuses
    from ..models.times import Times


T = TypeVar("T", bound="FleetRequests")


@_attrs_define
class FleetRequests:
    """Summarizes the requests of the whole fleet, of each function, each instance and each route.

    `routes` are named by method and path and ordered by p95, slowest first.

    Attributes:
            total_requests (int): How many requests were answered.
            failed_requests (int): How many of them with a status of 500 or above.
            statuses (FleetRequestsStatuses): How many requests got each status.
            times (Times): Summarizes durations in milliseconds. They are null if there were none.
            instances (int): How many instances there are.
            functions (FleetRequestsFunctions): The same for each function.
            by_instance (FleetRequestsByInstance): The same for each instance, by function/instance.
            routes (FleetRequestsRoutes): The same for each route, by method and path, slowest first.
            whole (bool): Whether the figures are those of all instances; false where Redis is away.
    """

    total_requests: int
    failed_requests: int
    statuses: "FleetRequestsStatuses"
    times: "Times"
    instances: int
    functions: "FleetRequestsFunctions"
    by_instance: "FleetRequestsByInstance"
    routes: "FleetRequestsRoutes"
    whole: bool
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        total_requests = self.total_requests

        failed_requests = self.failed_requests

        statuses = self.statuses.to_dict()

        times = self.times.to_dict()

        instances = self.instances

        functions = self.functions.to_dict()

        by_instance = self.by_instance.to_dict()

        routes = self.routes.to_dict()

        whole = self.whole

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "total_requests": total_requests,
                "failed_requests": failed_requests,
                "statuses": statuses,
                "times": times,
                "instances": instances,
                "functions": functions,
                "by_instance": by_instance,
                "routes": routes,
                "whole": whole,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.fleet_requests_by_instance import FleetRequestsByInstance
        from ..models.fleet_requests_functions import FleetRequestsFunctions
        from ..models.fleet_requests_routes import FleetRequestsRoutes
        from ..models.fleet_requests_statuses import FleetRequestsStatuses
        from ..models.times import Times

        d = dict(src_dict)
        total_requests = d.pop("total_requests")

        failed_requests = d.pop("failed_requests")

        statuses = FleetRequestsStatuses.from_dict(d.pop("statuses"))

        times = Times.from_dict(d.pop("times"))

        instances = d.pop("instances")

        functions = FleetRequestsFunctions.from_dict(d.pop("functions"))

        by_instance = FleetRequestsByInstance.from_dict(d.pop("by_instance"))

        routes = FleetRequestsRoutes.from_dict(d.pop("routes"))

        whole = d.pop("whole")

        fleet_requests = cls(
            total_requests=total_requests,
            failed_requests=failed_requests,
            statuses=statuses,
            times=times,
            instances=instances,
            functions=functions,
            by_instance=by_instance,
            routes=routes,
            whole=whole,
        )

        fleet_requests.additional_properties = d
        return fleet_requests

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
