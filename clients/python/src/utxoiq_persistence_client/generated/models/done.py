from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.done_status import DoneStatus, check_done_status

T = TypeVar("T", bound="Done")


@_attrs_define
class Done:
    """Reports that an operation has succeeded.

    Attributes:
        status (DoneStatus): How it ended.
        message (str): The same in words.
    """

    status: DoneStatus
    message: str

    def to_dict(self) -> dict[str, Any]:
        status: str = self.status

        message = self.message

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "status": status,
                "message": message,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        status = check_done_status(d.pop("status"))

        message = d.pop("message")

        done = cls(
            status=status,
            message=message,
        )

        return done
