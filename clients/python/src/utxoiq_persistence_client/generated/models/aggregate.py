import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, Union

from attrs import define as _attrs_define
from dateutil.parser import isoparse

from ..models.aggregate_interval import AggregateInterval, check_aggregate_interval
from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.aggregate_comparison import AggregateComparison
    from ..models.bucket import Bucket


T = TypeVar("T", bound="Aggregate")


@_attrs_define
class Aggregate:
    """Lists the aggregates of a range by interval. `comparison` is present if requested.

    Attributes:
        service_name (str): The service that measured.
        metric_type (str): What was measured, such as latency.
        interval (AggregateInterval): The length of the intervals; weeks begin on Monday.
        start_time (datetime.datetime): The beginning of the range.
        end_time (datetime.datetime): The end of the range.
        data (list['Bucket']): The intervals that have values, oldest first.
        comparison (Union[Unset, AggregateComparison]): Compares the whole range with the earlier range from start_time
            to end_time.

            An aggregate is null if its range has no values.
    """

    service_name: str
    metric_type: str
    interval: AggregateInterval
    start_time: datetime.datetime
    end_time: datetime.datetime
    data: list["Bucket"]
    comparison: Union[Unset, "AggregateComparison"] = UNSET

    def to_dict(self) -> dict[str, Any]:
        service_name = self.service_name

        metric_type = self.metric_type

        interval: str = self.interval

        start_time = self.start_time.isoformat()

        end_time = self.end_time.isoformat()

        data = []
        for data_item_data in self.data:
            data_item = data_item_data.to_dict()
            data.append(data_item)

        comparison: Union[Unset, dict[str, Any]] = UNSET
        if not isinstance(self.comparison, Unset):
            comparison = self.comparison.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "service_name": service_name,
                "metric_type": metric_type,
                "interval": interval,
                "start_time": start_time,
                "end_time": end_time,
                "data": data,
            }
        )
        if comparison is not UNSET:
            field_dict["comparison"] = comparison

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.aggregate_comparison import AggregateComparison
        from ..models.bucket import Bucket

        d = dict(src_dict)
        service_name = d.pop("service_name")

        metric_type = d.pop("metric_type")

        interval = check_aggregate_interval(d.pop("interval"))

        start_time = isoparse(d.pop("start_time"))

        end_time = isoparse(d.pop("end_time"))

        data = []
        _data = d.pop("data")
        for data_item_data in _data:
            data_item = Bucket.from_dict(data_item_data)

            data.append(data_item)

        _comparison = d.pop("comparison", UNSET)
        comparison: Union[Unset, AggregateComparison]
        if isinstance(_comparison, Unset):
            comparison = UNSET
        else:
            comparison = AggregateComparison.from_dict(_comparison)

        aggregate = cls(
            service_name=service_name,
            metric_type=metric_type,
            interval=interval,
            start_time=start_time,
            end_time=end_time,
            data=data,
            comparison=comparison,
        )

        return aggregate
