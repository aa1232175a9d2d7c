from collections.abc import Mapping
from typing import Any, TypeVar, Union, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Queries")


@_attrs_define
class Queries:
    """Summarizes queries. Times are in milliseconds; percentiles are null if no query ran.

    Attributes:
        total_queries (int): How many queries have ended.
        failed_queries (int): How many of them failed.
        slow_queries (int): How many took longer than the threshold.
        slow_query_percentage (float): How many of all were slow, in percent.
        average_query_time (float): The average, in milliseconds.
        p50 (Union[None, float]): The least value that half of all lie at or below.
        p95 (Union[None, float]): The least value that 95 % of all lie at or below.
        p99 (Union[None, float]): The least value that 99 % of all lie at or below.
    """

    total_queries: int
    failed_queries: int
    slow_queries: int
    slow_query_percentage: float
    average_query_time: float
    p50: Union[None, float]
    p95: Union[None, float]
    p99: Union[None, float]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        total_queries = self.total_queries

        failed_queries = self.failed_queries

        slow_queries = self.slow_queries

        slow_query_percentage = self.slow_query_percentage

        average_query_time = self.average_query_time

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
                "total_queries": total_queries,
                "failed_queries": failed_queries,
                "slow_queries": slow_queries,
                "slow_query_percentage": slow_query_percentage,
                "average_query_time": average_query_time,
                "p50": p50,
                "p95": p95,
                "p99": p99,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        total_queries = d.pop("total_queries")

        failed_queries = d.pop("failed_queries")

        slow_queries = d.pop("slow_queries")

        slow_query_percentage = d.pop("slow_query_percentage")

        average_query_time = d.pop("average_query_time")

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

        queries = cls(
            total_queries=total_queries,
            failed_queries=failed_queries,
            slow_queries=slow_queries,
            slow_query_percentage=slow_query_percentage,
            average_query_time=average_query_time,
            p50=p50,
            p95=p95,
            p99=p99,
        )

        queries.additional_properties = d
        return queries

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
