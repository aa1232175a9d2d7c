from collections.abc import Mapping
from typing import Any, TypeVar, cast

from attrs import define as _attrs_define

from ..models.migrated_status import MigratedStatus, check_migrated_status

T = TypeVar("T", bound="Migrated")


@_attrs_define
class Migrated:
    """Reports the schema version after a migration run.

    `applied` lists the versions that this run applied, oldest first. It is empty if none was pending.

    Attributes:
            status (MigratedStatus): How it ended.
            version (str): The version of the schema.
            applied (list[str]): The versions that this run applied, oldest first.
    """

    status: MigratedStatus
    version: str
    applied: list[str]

    def to_dict(self) -> dict[str, Any]:
        status: str = self.status

        version = self.version

        applied = self.applied

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "status": status,
                "version": version,
                "applied": applied,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        status = check_migrated_status(d.pop("status"))

        version = d.pop("version")

        applied = cast(list[str], d.pop("applied"))

        migrated = cls(
            status=status,
            version=version,
            applied=applied,
        )

        return migrated
