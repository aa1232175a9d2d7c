from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="ErasedInArchive")


@_attrs_define
class ErasedInArchive:
    """Counts the days of the archive whose rows of the user nobody can read any more.

    `objects_in_clear` counts objects of earlier releases, which encrypted nothing: the next run of retention replaces
    them by objects without the user's rows, and the keeper removes them a week later.

    Attributes:
            days (int): How many days of the archive had rows of the user, which nobody can read any more.
            objects_in_clear (int): How many objects of earlier releases may hold rows of the user in clear, until removed.
    """

    days: int
    objects_in_clear: int

    def to_dict(self) -> dict[str, Any]:
        days = self.days

        objects_in_clear = self.objects_in_clear

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "days": days,
                "objects_in_clear": objects_in_clear,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        days = d.pop("days")

        objects_in_clear = d.pop("objects_in_clear")

        erased_in_archive = cls(
            days=days,
            objects_in_clear=objects_in_clear,
        )

        return erased_in_archive
