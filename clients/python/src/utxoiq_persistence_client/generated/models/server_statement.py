from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="ServerStatement")


@_attrs_define
class ServerStatement:
    """Describes a statement as PostgreSQL normalized it. Times are in milliseconds.

    Attributes:
        query (str): The statement as PostgreSQL normalized it.
        calls (int): How often it ran.
        rows (int): How many rows it returned or changed.
        total_time (float): The sum of its times, in milliseconds.
        average_time (float): Its average, in milliseconds.
        max_time (float): Its longest time, in milliseconds.
    """

    query: str
    calls: int
    rows: int
    total_time: float
    average_time: float
    max_time: float
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        query = self.query

        calls = self.calls

        rows = self.rows

        total_time = self.total_time

        average_time = self.average_time

        max_time = self.max_time

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "query": query,
                "calls": calls,
                "rows": rows,
                "total_time": total_time,
                "average_time": average_time,
                "max_time": max_time,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        query = d.pop("query")

        calls = d.pop("calls")

        rows = d.pop("rows")

        total_time = d.pop("total_time")

        average_time = d.pop("average_time")

        max_time = d.pop("max_time")

        server_statement = cls(
            query=query,
            calls=calls,
            rows=rows,
            total_time=total_time,
            average_time=average_time,
            max_time=max_time,
        )

        server_statement.additional_properties = d
        return server_statement

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
