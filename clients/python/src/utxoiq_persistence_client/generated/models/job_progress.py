import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, Union, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field
from dateutil.parser import isoparse

from ..models.job_progress_status_type_0 import JobProgressStatusType0, check_job_progress_status_type_0
from ..types import UNSET, Unset

T = TypeVar("T", bound="JobProgress")


@_attrs_define
class JobProgress:
    """Reports a job's progress. A field left out keeps its value; null clears it where the table allows that.

    Attributes:
        current_block (Union[None, Unset, int]): A block height.
        progress_percentage (Union[None, Unset, float]): How far the job is, in percent, as its client reports it; 100
            once it is completed.
        estimated_completion (Union[None, Unset, datetime.datetime]): RFC 3339, with T or a space; without an offset it
            is in UTC.
        status (Union[JobProgressStatusType0, None, Unset]): The state of the job from now on.
        error_message (Union[None, Unset, str]): Why the job failed, or what was wrong last.
    """

    current_block: Union[None, Unset, int] = UNSET
    progress_percentage: Union[None, Unset, float] = UNSET
    estimated_completion: Union[None, Unset, datetime.datetime] = UNSET
    status: Union[JobProgressStatusType0, None, Unset] = UNSET
    error_message: Union[None, Unset, str] = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        current_block: Union[None, Unset, int]
        if isinstance(self.current_block, Unset):
            current_block = UNSET
        else:
            current_block = self.current_block

        progress_percentage: Union[None, Unset, float]
        if isinstance(self.progress_percentage, Unset):
            progress_percentage = UNSET
        else:
            progress_percentage = self.progress_percentage

        estimated_completion: Union[None, Unset, str]
        if isinstance(self.estimated_completion, Unset):
            estimated_completion = UNSET
        elif isinstance(self.estimated_completion, datetime.datetime):
            estimated_completion = self.estimated_completion.isoformat()
        else:
            estimated_completion = self.estimated_completion

        status: Union[None, Unset, str]
        if isinstance(self.status, Unset):
            status = UNSET
        elif isinstance(self.status, str):
            status = self.status
        else:
            status = self.status

        error_message: Union[None, Unset, str]
        if isinstance(self.error_message, Unset):
            error_message = UNSET
        else:
            error_message = self.error_message

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if current_block is not UNSET:
            field_dict["current_block"] = current_block
        if progress_percentage is not UNSET:
            field_dict["progress_percentage"] = progress_percentage
        if estimated_completion is not UNSET:
            field_dict["estimated_completion"] = estimated_completion
        if status is not UNSET:
            field_dict["status"] = status
        if error_message is not UNSET:
            field_dict["error_message"] = error_message

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_current_block(data: object) -> Union[None, Unset, int]:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(Union[None, Unset, int], data)

        current_block = _parse_current_block(d.pop("current_block", UNSET))

        def _parse_progress_percentage(data: object) -> Union[None, Unset, float]:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(Union[None, Unset, float], data)

        progress_percentage = _parse_progress_percentage(d.pop("progress_percentage", UNSET))

        def _parse_estimated_completion(data: object) -> Union[None, Unset, datetime.datetime]:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                estimated_completion_type_0 = isoparse(data)

                return estimated_completion_type_0
            except:  # noqa: E722
                pass
            return cast(Union[None, Unset, datetime.datetime], data)

        estimated_completion = _parse_estimated_completion(d.pop("estimated_completion", UNSET))

        def _parse_status(data: object) -> Union[JobProgressStatusType0, None, Unset]:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                status_type_0 = check_job_progress_status_type_0(data)

                return status_type_0
            except:  # noqa: E722
                pass
            return cast(Union[JobProgressStatusType0, None, Unset], data)

        status = _parse_status(d.pop("status", UNSET))

        def _parse_error_message(data: object) -> Union[None, Unset, str]:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(Union[None, Unset, str], data)

        error_message = _parse_error_message(d.pop("error_message", UNSET))

        job_progress = cls(
            current_block=current_block,
            progress_percentage=progress_percentage,
            estimated_completion=estimated_completion,
            status=status,
            error_message=error_message,
        )

        job_progress.additional_properties = d
        return job_progress

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
