from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, Union, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.connections import Connections
    from ..models.times import Times


T = TypeVar("T", bound="Pool")


@_attrs_define
class Pool:
    """Describes a connection pool.

    `checkouts` summarizes how long requests waited for a connection. `replica` counts the connections to the read
    replica; null if there is none.

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
            checkouts (Times): Summarizes durations in milliseconds. They are null if there were none.
            replica (Union['Connections', None]): The connections to the read replica; null where there is none.
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
    checkouts: "Times"
    replica: Union["Connections", None]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.connections import Connections

        size = self.size

        max_overflow = self.max_overflow

        checked_in = self.checked_in

        checked_out = self.checked_out

        overflow = self.overflow

        waiting = self.waiting

        timeouts = self.timeouts

        total_connections = self.total_connections

        utilization = self.utilization

        checkouts = self.checkouts.to_dict()

        replica: Union[None, dict[str, Any]]
        if isinstance(self.replica, Connections):
            replica = self.replica.to_dict()
        else:
            replica = self.replica

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
                "checkouts": checkouts,
                "replica": replica,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.connections import Connections
        from ..models.times import Times

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

        checkouts = Times.from_dict(d.pop("checkouts"))

        def _parse_replica(data: object) -> Union["Connections", None]:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                replica_type_0 = Connections.from_dict(data)

                return replica_type_0
            except:  # noqa: E722
                pass
            return cast(Union["Connections", None], data)

        replica = _parse_replica(d.pop("replica"))

        pool = cls(
            size=size,
            max_overflow=max_overflow,
            checked_in=checked_in,
            checked_out=checked_out,
            overflow=overflow,
            waiting=waiting,
            timeouts=timeouts,
            total_connections=total_connections,
            utilization=utilization,
            checkouts=checkouts,
            replica=replica,
        )

        pool.additional_properties = d
        return pool

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
