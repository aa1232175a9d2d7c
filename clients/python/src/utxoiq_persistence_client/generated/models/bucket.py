import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, Union, cast

from attrs import define as _attrs_define
from dateutil.parser import isoparse

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.aggregate_figures import AggregateFigures
    from ..models.average_change import AverageChange


T = TypeVar("T", bound="Bucket")


@_attrs_define
class Bucket:
    """Aggregates the values of an interval that starts at `timestamp`.

    `previous` and `change` are present if a comparison was requested. They are null if the earlier interval has no
    values.

    Attributes:
            avg_value (float): The average.
            min_value (float): The least value.
            max_value (float): The greatest value.
            count (int): How many there were.
            timestamp (datetime.datetime): The beginning of the interval, in UTC.
            p50 (Union[None, Unset, float]): The least value that half of all lie at or below.
            p95 (Union[None, Unset, float]): The least value that 95 % of all lie at or below.
            p99 (Union[None, Unset, float]): The least value that 99 % of all lie at or below.
            previous (Union['AggregateFigures', None, Unset]): The same of the earlier range; null where it has no values.
            change (Union['AverageChange', None, Unset]): How the averages differ.
    """

    avg_value: float
    min_value: float
    max_value: float
    count: int
    timestamp: datetime.datetime
    p50: Union[None, Unset, float] = UNSET
    p95: Union[None, Unset, float] = UNSET
    p99: Union[None, Unset, float] = UNSET
    previous: Union["AggregateFigures", None, Unset] = UNSET
    change: Union["AverageChange", None, Unset] = UNSET

    def to_dict(self) -> dict[str, Any]:
        from ..models.aggregate_figures import AggregateFigures
        from ..models.average_change import AverageChange

        avg_value = self.avg_value

        min_value = self.min_value

        max_value = self.max_value

        count = self.count

        timestamp = self.timestamp.isoformat()

        p50: Union[None, Unset, float]
        if isinstance(self.p50, Unset):
            p50 = UNSET
        else:
            p50 = self.p50

        p95: Union[None, Unset, float]
        if isinstance(self.p95, Unset):
            p95 = UNSET
        else:
            p95 = self.p95

        p99: Union[None, Unset, float]
        if isinstance(self.p99, Unset):
            p99 = UNSET
        else:
            p99 = self.p99

        previous: Union[None, Unset, dict[str, Any]]
        if isinstance(self.previous, Unset):
            previous = UNSET
        elif isinstance(self.previous, AggregateFigures):
            previous = self.previous.to_dict()
        else:
            previous = self.previous

        change: Union[None, Unset, dict[str, Any]]
        if isinstance(self.change, Unset):
            change = UNSET
        elif isinstance(self.change, AverageChange):
            change = self.change.to_dict()
        else:
            change = self.change

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "avg_value": avg_value,
                "min_value": min_value,
                "max_value": max_value,
                "count": count,
                "timestamp": timestamp,
            }
        )
        if p50 is not UNSET:
            field_dict["p50"] = p50
        if p95 is not UNSET:
            field_dict["p95"] = p95
        if p99 is not UNSET:
            field_dict["p99"] = p99
        if previous is not UNSET:
            field_dict["previous"] = previous
        if change is not UNSET:
            field_dict["change"] = change

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.aggregate_figures import AggregateFigures
        from ..models.average_change import AverageChange

        d = dict(src_dict)
        avg_value = d.pop("avg_value")

        min_value = d.pop("min_value")

        max_value = d.pop("max_value")

        count = d.pop("count")

        timestamp = isoparse(d.pop("timestamp"))

        def _parse_p50(data: object) -> Union[None, Unset, float]:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(Union[None, Unset, float], data)

        p50 = _parse_p50(d.pop("p50", UNSET))

        def _parse_p95(data: object) -> Union[None, Unset, float]:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(Union[None, Unset, float], data)

        p95 = _parse_p95(d.pop("p95", UNSET))

        def _parse_p99(data: object) -> Union[None, Unset, float]:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(Union[None, Unset, float], data)

        p99 = _parse_p99(d.pop("p99", UNSET))

        def _parse_previous(data: object) -> Union["AggregateFigures", None, Unset]:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                previous_type_0 = AggregateFigures.from_dict(data)

                return previous_type_0
            except:  # noqa: E722
                pass
            return cast(Union["AggregateFigures", None, Unset], data)

        previous = _parse_previous(d.pop("previous", UNSET))

        def _parse_change(data: object) -> Union["AverageChange", None, Unset]:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                change_type_0 = AverageChange.from_dict(data)

                return change_type_0
            except:  # noqa: E722
                pass
            return cast(Union["AverageChange", None, Unset], data)

        change = _parse_change(d.pop("change", UNSET))

        bucket = cls(
            avg_value=avg_value,
            min_value=min_value,
            max_value=max_value,
            count=count,
            timestamp=timestamp,
            p50=p50,
            p95=p95,
            p99=p99,
            previous=previous,
            change=change,
        )

        return bucket
