from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..models.health_status import HealthStatus, check_health_status

if TYPE_CHECKING:
    from ..models.health_parts import HealthParts


T = TypeVar("T", bound="Health")


@_attrs_define
class Health:
    """Reports the health of a function. `degraded` means that it serves from the database alone, and slower.

    Attributes:
        status (HealthStatus): `degraded` where the function serves from the database alone.
        parts (HealthParts): The state of each part that the function depends on.
    """

    status: HealthStatus
    parts: "HealthParts"

    def to_dict(self) -> dict[str, Any]:
        status: str = self.status

        parts = self.parts.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "status": status,
                "parts": parts,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.health_parts import HealthParts

        d = dict(src_dict)
        status = check_health_status(d.pop("status"))

        parts = HealthParts.from_dict(d.pop("parts"))

        health = cls(
            status=status,
            parts=parts,
        )

        return health
