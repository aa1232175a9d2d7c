from collections.abc import Mapping
from typing import Any, TypeVar, Union, cast

from attrs import define as _attrs_define

T = TypeVar("T", bound="PersonAuditEntry")


@_attrs_define
class PersonAuditEntry:
    """Describes a change that a user made, or that a service made for the user. `address` is the user's.

    Attributes:
        at (str): When the change was made.
        actor (str): Who made the change.
        action (str): What was done, such as feedback.rate.
        subject (Union[None, str]): What it was done to.
        address (Union[None, str]): The user's address; null where somebody else acted.
        request_id (Union[None, str]): The id of the request that made the change.
    """

    at: str
    actor: str
    action: str
    subject: Union[None, str]
    address: Union[None, str]
    request_id: Union[None, str]

    def to_dict(self) -> dict[str, Any]:
        at = self.at

        actor = self.actor

        action = self.action

        subject: Union[None, str]
        subject = self.subject

        address: Union[None, str]
        address = self.address

        request_id: Union[None, str]
        request_id = self.request_id

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "at": at,
                "actor": actor,
                "action": action,
                "subject": subject,
                "address": address,
                "request_id": request_id,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        at = d.pop("at")

        actor = d.pop("actor")

        action = d.pop("action")

        def _parse_subject(data: object) -> Union[None, str]:
            if data is None:
                return data
            return cast(Union[None, str], data)

        subject = _parse_subject(d.pop("subject"))

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

        person_audit_entry = cls(
            at=at,
            actor=actor,
            action=action,
            subject=subject,
            address=address,
            request_id=request_id,
        )

        return person_audit_entry
