import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, Union, cast
from uuid import UUID

from attrs import define as _attrs_define
from dateutil.parser import isoparse

from ..models.backup_shown_status import BackupShownStatus, check_backup_shown_status

T = TypeVar("T", bound="BackupShown")


@_attrs_define
class BackupShown:
    """Describes a backup or an export.

    `backup_id` is the identifier that Cloud SQL assigned to it, or the name of the exported object.

    Attributes:
            id (UUID): The id of the backup here.
            backup_id (Union[None, str]): The id of the backup at Cloud SQL, or the name of the export's object.
            requested_at (datetime.datetime): When it was asked for.
            ended_at (Union[None, datetime.datetime]): When it ended; null until then.
            bytes_ (Union[None, int]): Its size, in bytes.
            status (BackupShownStatus): How it ended.
            error (Union[None, str]): Why it failed; null where it did not.
    """

    id: UUID
    backup_id: Union[None, str]
    requested_at: datetime.datetime
    ended_at: Union[None, datetime.datetime]
    bytes_: Union[None, int]
    status: BackupShownStatus
    error: Union[None, str]

    def to_dict(self) -> dict[str, Any]:
        id = str(self.id)

        backup_id: Union[None, str]
        backup_id = self.backup_id

        requested_at = self.requested_at.isoformat()

        ended_at: Union[None, str]
        if isinstance(self.ended_at, datetime.datetime):
            ended_at = self.ended_at.isoformat()
        else:
            ended_at = self.ended_at

        bytes_: Union[None, int]
        bytes_ = self.bytes_

        status: str = self.status

        error: Union[None, str]
        error = self.error

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "id": id,
                "backup_id": backup_id,
                "requested_at": requested_at,
                "ended_at": ended_at,
                "bytes": bytes_,
                "status": status,
                "error": error,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = UUID(d.pop("id"))

        def _parse_backup_id(data: object) -> Union[None, str]:
            if data is None:
                return data
            return cast(Union[None, str], data)

        backup_id = _parse_backup_id(d.pop("backup_id"))

        requested_at = isoparse(d.pop("requested_at"))

        def _parse_ended_at(data: object) -> Union[None, datetime.datetime]:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                ended_at_type_0 = isoparse(data)

                return ended_at_type_0
            except:  # noqa: E722
                pass
            return cast(Union[None, datetime.datetime], data)

        ended_at = _parse_ended_at(d.pop("ended_at"))

        def _parse_bytes_(data: object) -> Union[None, int]:
            if data is None:
                return data
            return cast(Union[None, int], data)

        bytes_ = _parse_bytes_(d.pop("bytes"))

        status = check_backup_shown_status(d.pop("status"))

        def _parse_error(data: object) -> Union[None, str]:
            if data is None:
                return data
            return cast(Union[None, str], data)

        error = _parse_error(d.pop("error"))

        backup_shown = cls(
            id=id,
            backup_id=backup_id,
            requested_at=requested_at,
            ended_at=ended_at,
            bytes_=bytes_,
            status=status,
            error=error,
        )

        return backup_shown
