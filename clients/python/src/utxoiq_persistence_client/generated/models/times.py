from collections.abc import Mapping
from typing import Any, TypeVar, Union, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Times")


@_attrs_define
class Times:
    """Summarizes durations in milliseconds. They are null if there were none.

    Attributes:
        count (int): How many there were.
        average (Union[None, float]): The average, in milliseconds.
        p50 (Union[None, float]): The least value that half of all lie at or below.
        p95 (Union[None, float]): The least value that 95 % of all lie at or below.
        p99 (Union[None, float]): The least value that 99 % of all lie at or below.
    """

    count: int
    average: Union[None, float]
    p50: Union[None, float]
    p95: Union[None, float]
    p99: Union[None, float]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        count = self.count

        average: Union[None, float]
        average = self.average

        p50: Union[None, float]
        p50 = self.p50

        p95: Union[None, float]
        p95 = self.p95

        p99: Union[None, float]
        p99 = self.p99

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "count": count,
                "average": average,
                "p50": p50,
                "p95": p95,
                "p99": p99,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        count = d.pop("count")

        def _parse_average(data: object) -> Union[None, float]:
            if data is None:
                return data
            return cast(Union[None, float], data)

        average = _parse_average(d.pop("average"))

        def _parse_p50(data: object) -> Union[None, float]:
            if data is None:
                return data
            return cast(Union[None, float], data)

        p50 = _parse_p50(d.pop("p50"))

        def _parse_p95(data: object) -> Union[None, float]:
            if data is None:
                return data
            return cast(Union[None, float], data)

        p95 = _parse_p95(d.pop("p95"))

        def _parse_p99(data: object) -> Union[None, float]:
            if data is None:
                return data
            return cast(Union[None, float], data)

        p99 = _parse_p99(d.pop("p99"))

        times = cls(
            count=count,
            average=average,
            p50=p50,
            p95=p95,
            p99=p99,
        )

        times.additional_properties = d
        return times

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
