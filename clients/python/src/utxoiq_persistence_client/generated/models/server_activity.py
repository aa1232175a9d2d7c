from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, Union, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.server_activity_connections import ServerActivityConnections


T = TypeVar("T", bound="ServerActivity")


@_attrs_define
class ServerActivity:
    """Describes the client connections of the whole database server, by their state.

    `longest_transaction_seconds` is null if no transaction is open.

    Attributes:
            max_connections (int): How many connections PostgreSQL takes.
            connections (ServerActivityConnections): How many client connections there are, by their state.
            longest_transaction_seconds (Union[None, float]): The age of the oldest open transaction, in seconds; null where
                none is open.
    """

    max_connections: int
    connections: "ServerActivityConnections"
    longest_transaction_seconds: Union[None, float]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        max_connections = self.max_connections

        connections = self.connections.to_dict()

        longest_transaction_seconds: Union[None, float]
        longest_transaction_seconds = self.longest_transaction_seconds

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "max_connections": max_connections,
                "connections": connections,
                "longest_transaction_seconds": longest_transaction_seconds,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.server_activity_connections import ServerActivityConnections

        d = dict(src_dict)
        max_connections = d.pop("max_connections")

        connections = ServerActivityConnections.from_dict(d.pop("connections"))

        def _parse_longest_transaction_seconds(data: object) -> Union[None, float]:
            if data is None:
                return data
            return cast(Union[None, float], data)

        longest_transaction_seconds = _parse_longest_transaction_seconds(d.pop("longest_transaction_seconds"))

        server_activity = cls(
            max_connections=max_connections,
            connections=connections,
            longest_transaction_seconds=longest_transaction_seconds,
        )

        server_activity.additional_properties = d
        return server_activity

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
