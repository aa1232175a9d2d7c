import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, Union, cast

from attrs import define as _attrs_define
from dateutil.parser import isoparse

if TYPE_CHECKING:
    from ..models.audit_entry_details_type_0 import AuditEntryDetailsType0


T = TypeVar("T", bound="AuditEntry")


@_attrs_define
class AuditEntry:
    """Records one change. `key_id` identifies the API key that the actor used, if any.

    `written_by` is the database user that wrote the entry: the function's own, whoever the entry names.

    Attributes:
            at (datetime.datetime): When the change was made.
            id (int): The number of the entry.
            actor (str): Who made the change.
            key_id (Union[None, str]): The id of an API key, which is not secret.
            action (str): What was done, such as feedback.rate.
            subject (Union[None, str]): What it was done to.
            details (Union['AuditEntryDetailsType0', None]): What else is known of it.
            address (Union[None, str]): The network address of the caller.
            request_id (Union[None, str]): The id of the request that made the change.
            written_by (Union[None, str]): The database user that wrote the entry; null for entries from before that was
                noted.
    """

    at: datetime.datetime
    id: int
    actor: str
    key_id: Union[None, str]
    action: str
    subject: Union[None, str]
    details: Union["AuditEntryDetailsType0", None]
    address: Union[None, str]
    request_id: Union[None, str]
    written_by: Union[None, str]

    def to_dict(self) -> dict[str, Any]:
        from ..models.audit_entry_details_type_0 import AuditEntryDetailsType0

        at = self.at.isoformat()

        id = self.id

        actor = self.actor

        key_id: Union[None, str]
        key_id = self.key_id

        action = self.action

        subject: Union[None, str]
        subject = self.subject

        details: Union[None, dict[str, Any]]
        if isinstance(self.details, AuditEntryDetailsType0):
            details = self.details.to_dict()
        else:
            details = self.details

        address: Union[None, str]
        address = self.address

        request_id: Union[None, str]
        request_id = self.request_id

        written_by: Union[None, str]
        written_by = self.written_by

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "at": at,
                "id": id,
                "actor": actor,
                "key_id": key_id,
                "action": action,
                "subject": subject,
                "details": details,
                "address": address,
                "request_id": request_id,
                "written_by": written_by,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.audit_entry_details_type_0 import AuditEntryDetailsType0

        d = dict(src_dict)
        at = isoparse(d.pop("at"))

        id = d.pop("id")

        actor = d.pop("actor")

        def _parse_key_id(data: object) -> Union[None, str]:
            if data is None:
                return data
            return cast(Union[None, str], data)

        key_id = _parse_key_id(d.pop("key_id"))

        action = d.pop("action")

        def _parse_subject(data: object) -> Union[None, str]:
            if data is None:
                return data
            return cast(Union[None, str], data)

        subject = _parse_subject(d.pop("subject"))

        def _parse_details(data: object) -> Union["AuditEntryDetailsType0", None]:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                details_type_0 = AuditEntryDetailsType0.from_dict(data)

                return details_type_0
            except:  # noqa: E722
                pass
            return cast(Union["AuditEntryDetailsType0", None], data)

        details = _parse_details(d.pop("details"))

        def _parse_address(data: object) -> Union[None, str]:
            if data is None:
                return data
            return cast(Union[None, str], data)

        address = _parse_address(d.pop("address"))

        def _parse_request_id(data: object) -> Union[None, str]:
            if data is None:
                return data
            return cast(Union[None, str], data)

        request_id = _parse_request_id(d.pop("request_id"))

        def _parse_written_by(data: object) -> Union[None, str]:
            if data is None:
                return data
            return cast(Union[None, str], data)

        written_by = _parse_written_by(d.pop("written_by"))

        audit_entry = cls(
            at=at,
            id=id,
            actor=actor,
            key_id=key_id,
            action=action,
            subject=subject,
            details=details,
            address=address,
            request_id=request_id,
            written_by=written_by,
        )

        return audit_entry
