from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, Union, cast

from attrs import define as _attrs_define

from ..models.backup_status_status import BackupStatusStatus, check_backup_status_status

if TYPE_CHECKING:
    from ..models.backup_shown import BackupShown
    from ..models.verification_shown import VerificationShown


T = TypeVar("T", bound="BackupStatus")


@_attrs_define
class BackupStatus:
    """Describes the newest backup, the newest export and the newest verification; null if there is none.

    Attributes:
        status (BackupStatusStatus): How it ended.
        backup (Union['BackupShown', None]): The newest backup.
        export (Union['BackupShown', None]): The newest export.
        verification (Union['VerificationShown', None]): The newest verification of a backup.
    """

    status: BackupStatusStatus
    backup: Union["BackupShown", None]
    export: Union["BackupShown", None]
    verification: Union["VerificationShown", None]

    def to_dict(self) -> dict[str, Any]:
        from ..models.backup_shown import BackupShown
        from ..models.verification_shown import VerificationShown

        status: str = self.status

        backup: Union[None, dict[str, Any]]
        if isinstance(self.backup, BackupShown):
            backup = self.backup.to_dict()
        else:
            backup = self.backup

        export: Union[None, dict[str, Any]]
        if isinstance(self.export, BackupShown):
            export = self.export.to_dict()
        else:
            export = self.export

        verification: Union[None, dict[str, Any]]
        if isinstance(self.verification, VerificationShown):
            verification = self.verification.to_dict()
        else:
            verification = self.verification

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "status": status,
                "backup": backup,
                "export": export,
                "verification": verification,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.backup_shown import BackupShown
        from ..models.verification_shown import VerificationShown

        d = dict(src_dict)
        status = check_backup_status_status(d.pop("status"))

        def _parse_backup(data: object) -> Union["BackupShown", None]:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                backup_type_0 = BackupShown.from_dict(data)

                return backup_type_0
            except:  # noqa: E722
                pass
            return cast(Union["BackupShown", None], data)

        backup = _parse_backup(d.pop("backup"))

        def _parse_export(data: object) -> Union["BackupShown", None]:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                export_type_0 = BackupShown.from_dict(data)

                return export_type_0
            except:  # noqa: E722
                pass
            return cast(Union["BackupShown", None], data)

        export = _parse_export(d.pop("export"))

        def _parse_verification(data: object) -> Union["VerificationShown", None]:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                verification_type_0 = VerificationShown.from_dict(data)

                return verification_type_0
            except:  # noqa: E722
                pass
            return cast(Union["VerificationShown", None], data)

        verification = _parse_verification(d.pop("verification"))

        backup_status = cls(
            status=status,
            backup=backup,
            export=export,
            verification=verification,
        )

        return backup_status
