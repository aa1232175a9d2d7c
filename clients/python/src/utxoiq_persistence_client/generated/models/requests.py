from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.requests_statuses import RequestsStatuses
    from ..models.times import Times


T = TypeVar("T", bound="Requests")


@_attrs_define
class Requests:
    """Summarizes HTTP requests. A request has failed if its status is 500 or above.

    Attributes:
        total_requests (int): How many requests were answered.
        failed_requests (int): How many of them with a status of 500 or above.
        statuses (RequestsStatuses): How many requests got each status.
        times (Times): Summarizes durations in milliseconds. They are null if there were none.
    """

    total_requests: int
    failed_requests: int
    statuses: "RequestsStatuses"
    times: "Times"
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        total_requests = self.total_requests

        failed_requests = self.failed_requests

        statuses = self.statuses.to_dict()

        times = self.times.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "total_requests": total_requests,
                "failed_requests": failed_requests,
                "statuses": statuses,
                "times": times,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.requests_statuses import RequestsStatuses
        from ..models.times import Times

        d = dict(src_dict)
        total_requests = d.pop("total_requests")

        failed_requests = d.pop("failed_requests")

        statuses = RequestsStatuses.from_dict(d.pop("statuses"))

        times = Times.from_dict(d.pop("times"))

        requests = cls(
            total_requests=total_requests,
            failed_requests=failed_requests,
            statuses=statuses,
            times=times,
        )

        requests.additional_properties = d
        return requests

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
