from collections.abc import Mapping
from typing import Any, TypeVar, Union, cast

from attrs import define as _attrs_define

from ..types import UNSET, Unset

T = TypeVar("T", bound="AggregateFigures")


@_attrs_define
class AggregateFigures:
    """Aggregates the values of an interval or range.

    Percentiles are present if requested. They are null where some of the values are no longer stored.

    Attributes:
            avg_value (float): The average.
            min_value (float): The least value.
            max_value (float): The greatest value.
            count (int): How many there were.
            p50 (Union[None, Unset, float]): The least value that half of all lie at or below.
            p95 (Union[None, Unset, float]): The least value that 95 % of all lie at or below.
            p99 (Union[None, Unset, float]): The least value that 99 % of all lie at or below.
    """

    avg_value: float
    min_value: float
    max_value: float
    count: int
    p50: Union[None, Unset, float] = UNSET
    p95: Union[None, Unset, float] = UNSET
    p99: Union[None, Unset, float] = UNSET

    def to_dict(self) -> dict[str, Any]:
        avg_value = self.avg_value

        min_value = self.min_value

        max_value = self.max_value

        count = self.count

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

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "avg_value": avg_value,
                "min_value": min_value,
                "max_value": max_value,
                "count": count,
            }
        )
        if p50 is not UNSET:
            field_dict["p50"] = p50
        if p95 is not UNSET:
            field_dict["p95"] = p95
        if p99 is not UNSET:
            field_dict["p99"] = p99

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        avg_value = d.pop("avg_value")

        min_value = d.pop("min_value")

        max_value = d.pop("max_value")

        count = d.pop("count")

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

        aggregate_figures = cls(
            avg_value=avg_value,
            min_value=min_value,
            max_value=max_value,
            count=count,
            p50=p50,
            p95=p95,
            p99=p99,
        )

        return aggregate_figures
