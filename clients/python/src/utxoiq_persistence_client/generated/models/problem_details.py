from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, Union

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.field_error import FieldError
    from ..models.problem_details_parts import ProblemDetailsParts


T = TypeVar("T", bound="ProblemDetails")


@_attrs_define
class ProblemDetails:
    """Describes an error to a client.

    `type` names the kind of error where the status is not specific enough. `detail` says what to correct.

    Attributes:
            type_ (str): Names the kind of problem; about:blank where the status says it all.
            title (str): The status in words.
            status (int): The status of the response.
            detail (str): What is wrong, and what to do about it.
            instance (str): Names this request; every log line that it caused has the id.
            errors (Union[Unset, list['FieldError']]): Every field and parameter that is wrong.
            parts (Union[Unset, ProblemDetailsParts]): The state of each part that the function depends on.
    """

    type_: str
    title: str
    status: int
    detail: str
    instance: str
    errors: Union[Unset, list["FieldError"]] = UNSET
    parts: Union[Unset, "ProblemDetailsParts"] = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        type_ = self.type_

        title = self.title

        status = self.status

        detail = self.detail

        instance = self.instance

        errors: Union[Unset, list[dict[str, Any]]] = UNSET
        if not isinstance(self.errors, Unset):
            errors = []
            for errors_item_data in self.errors:
                errors_item = errors_item_data.to_dict()
                errors.append(errors_item)

        parts: Union[Unset, dict[str, Any]] = UNSET
        if not isinstance(self.parts, Unset):
            parts = self.parts.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "type": type_,
                "title": title,
                "status": status,
                "detail": detail,
                "instance": instance,
            }
        )
        if errors is not UNSET:
            field_dict["errors"] = errors
        if parts is not UNSET:
            field_dict["parts"] = parts

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.field_error import FieldError
        from ..models.problem_details_parts import ProblemDetailsParts

        d = dict(src_dict)
        type_ = d.pop("type")

        title = d.pop("title")

        status = d.pop("status")

        detail = d.pop("detail")

        instance = d.pop("instance")

        errors = []
        _errors = d.pop("errors", UNSET)
        for errors_item_data in _errors or []:
            errors_item = FieldError.from_dict(errors_item_data)

            errors.append(errors_item)

        _parts = d.pop("parts", UNSET)
        parts: Union[Unset, ProblemDetailsParts]
        if isinstance(_parts, Unset):
            parts = UNSET
        else:
            parts = ProblemDetailsParts.from_dict(_parts)

        problem_details = cls(
            type_=type_,
            title=title,
            status=status,
            detail=detail,
            instance=instance,
            errors=errors,
            parts=parts,
        )

        problem_details.additional_properties = d
        return problem_details

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
