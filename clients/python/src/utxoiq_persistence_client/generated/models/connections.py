from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Connections")


@_attrs_define
class Connections:
    """Counts the connections of a pool. `utilization` is the percentage of its maximum that is in use.

    Attributes:
        size (int): How many connections the pool keeps.
        max_overflow (int): How many more it may open.
        checked_in (int): How many connections are free.
        checked_out (int): How many are in use.
        overflow (int): How many are open beyond the size.
        waiting (int): How many requests wait for a connection.
        timeouts (int): How many have waited in vain.
        total_connections (int): How many are open.
        utilization (float): How much of the pool's maximum is in use, in percent.
    """

    size: int
    max_overflow: int
    checked_in: int
    checked_out: int
    overflow: int
    waiting: int
    timeouts: int
    total_connections: int
    utilization: float
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        size = self.size

        max_overflow = self.max_overflow

        checked_in = self.checked_in

        checked_out = self.checked_out

        overflow = self.overflow

        waiting = self.waiting

        timeouts = self.timeouts

        total_connections = self.total_connections

        utilization = self.utilization

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "size": size,
                "max_overflow": max_overflow,
                "checked_in": checked_in,
                "checked_out": checked_out,
                "overflow": overflow,
                "waiting": waiting,
                "timeouts": timeouts,
                "total_connections": total_connections,
                "utilization": utilization,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        size = d.pop("size")

        max_overflow = d.pop("max_overflow")

        checked_in = d.pop("checked_in")

        checked_out = d.pop("checked_out")

        overflow = d.pop("overflow")

        waiting = d.pop("waiting")

        timeouts = d.pop("timeouts")

        total_connections = d.pop("total_connections")

        utilization = d.pop("utilization")

        connections = cls(
            size=size,
            max_overflow=max_overflow,
            checked_in=checked_in,
            checked_out=checked_out,
            overflow=overflow,
            waiting=waiting,
            timeouts=timeouts,
            total_connections=total_connections,
            utilization=utilization,
        )

        connections.additional_properties = d
        return connections

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
