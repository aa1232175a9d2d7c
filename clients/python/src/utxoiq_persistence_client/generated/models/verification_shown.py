import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, Union, cast
from uuid import UUID

from attrs import define as _attrs_define
from dateutil.parser import isoparse

from ..models.verification_shown_status import VerificationShownStatus, check_verification_shown_status
from ..models.verification_shown_step import VerificationShownStep, check_verification_shown_step

if TYPE_CHECKING:
    from ..models.check_shown import CheckShown


T = TypeVar("T", bound="VerificationShown")


@_attrs_define
class VerificationShown:
    """Describes the verification of a backup or an export, which restores it and checks the restored data.

    `backup_id` identifies the verified backup. `error` says what was wrong with the backup, or why it could not be
    verified.

    Attributes:
            id (UUID): The id of the verification.
            step (VerificationShownStep): What is being done, or was done last.
            started_at (datetime.datetime): When it began.
            ended_at (Union[None, datetime.datetime]): When it ended; null until then.
            status (VerificationShownStatus): How it ended.
            backup_id (Union[None, str]): The id of the backup at Cloud SQL, or the name of the export's object.
            error (Union[None, str]): Why it failed; null where it did not.
            checks (list['CheckShown']): The checks of the restored data.
    """

    id: UUID
    step: VerificationShownStep
    started_at: datetime.datetime
    ended_at: Union[None, datetime.datetime]
    status: VerificationShownStatus
    backup_id: Union[None, str]
    error: Union[None, str]
    checks: list["CheckShown"]

    def to_dict(self) -> dict[str, Any]:
        id = str(self.id)

        step: str = self.step

        started_at = self.started_at.isoformat()

        ended_at: Union[None, str]
        if isinstance(self.ended_at, datetime.datetime):
            ended_at = self.ended_at.isoformat()
        else:
            ended_at = self.ended_at

        status: str = self.status

        backup_id: Union[None, str]
        backup_id = self.backup_id

        error: Union[None, str]
        error = self.error

        checks = []
        for checks_item_data in self.checks:
            checks_item = checks_item_data.to_dict()
            checks.append(checks_item)

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "id": id,
                "step": step,
                "started_at": started_at,
                "ended_at": ended_at,
                "status": status,
                "backup_id": backup_id,
                "error": error,
                "checks": checks,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.check_shown import CheckShown

        d = dict(src_dict)
        id = UUID(d.pop("id"))

        step = check_verification_shown_step(d.pop("step"))

        started_at = isoparse(d.pop("started_at"))

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

        status = check_verification_shown_status(d.pop("status"))

        def _parse_backup_id(data: object) -> Union[None, str]:
            if data is None:
                return data
            return cast(Union[None, str], data)

        backup_id = _parse_backup_id(d.pop("backup_id"))

        def _parse_error(data: object) -> Union[None, str]:
            if data is None:
                return data
            return cast(Union[None, str], data)

        error = _parse_error(d.pop("error"))

        checks = []
        _checks = d.pop("checks")
        for checks_item_data in _checks:
            checks_item = CheckShown.from_dict(checks_item_data)

            checks.append(checks_item)

        verification_shown = cls(
            id=id,
            step=step,
            started_at=started_at,
            ended_at=ended_at,
            status=status,
            backup_id=backup_id,
            error=error,
            checks=checks,
        )

        return verification_shown
