from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

T = TypeVar("T", bound="CheckShown")


@_attrs_define
class CheckShown:
    """Describes one check of the restored data, with its result.

    Attributes:
        name (str): The name of the check.
        passed (bool): Whether the check passed.
        detail (str): What was found.
    """

    name: str
    passed: bool
    detail: str

    def to_dict(self) -> dict[str, Any]:
        name = self.name

        passed = self.passed

        detail = self.detail

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "name": name,
                "passed": passed,
                "detail": detail,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        name = d.pop("name")

        passed = d.pop("passed")

        detail = d.pop("detail")

        check_shown = cls(
            name=name,
            passed=passed,
            detail=detail,
        )

        return check_shown
