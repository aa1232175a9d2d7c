import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, Union, cast

from attrs import define as _attrs_define
from dateutil.parser import isoparse

from ..models.restored_shown_status import RestoredShownStatus, check_restored_shown_status

T = TypeVar("T", bound="RestoredShown")


@_attrs_define
class RestoredShown:
    """Reports on a restore.

    `restored` counts the rows that the table lacked. `continue_from` is set if the call ran out of time: restore again
    from there. `gone` names objects that the bucket has no more, such as those beyond the archive's age, and `damaged`
    those that failed their integrity check: what they held is not restored, and the status is `partial`.

    Attributes:
            status (RestoredShownStatus): How it ended.
            message (str): The same in words.
            restored (int): How many rows the table lacked.
            objects (int): How many archive objects were read.
            continue_from (Union[None, datetime.datetime]): From where to restore again, where the time ran out; else null.
            gone (list[str]): The objects that are gone from the bucket.
            damaged (list[str]): The objects that failed their integrity check.
    """

    status: RestoredShownStatus
    message: str
    restored: int
    objects: int
    continue_from: Union[None, datetime.datetime]
    gone: list[str]
    damaged: list[str]

    def to_dict(self) -> dict[str, Any]:
        status: str = self.status

        message = self.message

        restored = self.restored

        objects = self.objects

        continue_from: Union[None, str]
        if isinstance(self.continue_from, datetime.datetime):
            continue_from = self.continue_from.isoformat()
        else:
            continue_from = self.continue_from

        gone = self.gone

        damaged = self.damaged

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "status": status,
                "message": message,
                "restored": restored,
                "objects": objects,
                "continue_from": continue_from,
                "gone": gone,
                "damaged": damaged,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        status = check_restored_shown_status(d.pop("status"))

        message = d.pop("message")

        restored = d.pop("restored")

        objects = d.pop("objects")

        def _parse_continue_from(data: object) -> Union[None, datetime.datetime]:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                continue_from_type_0 = isoparse(data)

                return continue_from_type_0
            except:  # noqa: E722
                pass
            return cast(Union[None, datetime.datetime], data)

        continue_from = _parse_continue_from(d.pop("continue_from"))

        gone = cast(list[str], d.pop("gone"))

        damaged = cast(list[str], d.pop("damaged"))

        restored_shown = cls(
            status=status,
            message=message,
            restored=restored,
            objects=objects,
            continue_from=continue_from,
            gone=gone,
            damaged=damaged,
        )

        return restored_shown
