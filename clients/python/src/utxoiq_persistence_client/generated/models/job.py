import datetime
from collections.abc import Mapping
from typing import Any, TypeVar, Union, cast
from uuid import UUID

from attrs import define as _attrs_define
from dateutil.parser import isoparse

from ..models.job_status import JobStatus, check_job_status

T = TypeVar("T", bound="Job")


@_attrs_define
class Job:
    """Describes a backfill job.

    Attributes:
        id (UUID): The id of the job.
        job_type (str): What the job fills, as its client names it.
        start_block (int): The first block, included.
        end_block (int): The last block, included.
        current_block (int): The block that the job has reached.
        status (JobStatus): The state of the job. A completed or failed job does not change any more.
        progress_percentage (float): How far the job is, in percent, as its client reports it; 100 once it is completed.
        estimated_completion (Union[None, datetime.datetime]): When the job is expected to end.
        error_message (Union[None, str]): Why the job failed, or what was wrong last.
        started_at (datetime.datetime): When it began.
        completed_at (Union[None, datetime.datetime]): When the job was completed; null until then.
        created_by (Union[None, str]): Who made it.
        version (int): Counts the job's changes. The ETag is this number in quotes.
    """

    id: UUID
    job_type: str
    start_block: int
    end_block: int
    current_block: int
    status: JobStatus
    progress_percentage: float
    estimated_completion: Union[None, datetime.datetime]
    error_message: Union[None, str]
    started_at: datetime.datetime
    completed_at: Union[None, datetime.datetime]
    created_by: Union[None, str]
    version: int

    def to_dict(self) -> dict[str, Any]:
        id = str(self.id)

        job_type = self.job_type

        start_block = self.start_block

        end_block = self.end_block

        current_block = self.current_block

        status: str = self.status

        progress_percentage = self.progress_percentage

        estimated_completion: Union[None, str]
        if isinstance(self.estimated_completion, datetime.datetime):
            estimated_completion = self.estimated_completion.isoformat()
        else:
            estimated_completion = self.estimated_completion

        error_message: Union[None, str]
        error_message = self.error_message

        started_at = self.started_at.isoformat()

        completed_at: Union[None, str]
        if isinstance(self.completed_at, datetime.datetime):
            completed_at = self.completed_at.isoformat()
        else:
            completed_at = self.completed_at

        created_by: Union[None, str]
        created_by = self.created_by

        version = self.version

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "id": id,
                "job_type": job_type,
                "start_block": start_block,
                "end_block": end_block,
                "current_block": current_block,
                "status": status,
                "progress_percentage": progress_percentage,
                "estimated_completion": estimated_completion,
                "error_message": error_message,
                "started_at": started_at,
                "completed_at": completed_at,
                "created_by": created_by,
                "version": version,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = UUID(d.pop("id"))

        job_type = d.pop("job_type")

        start_block = d.pop("start_block")

        end_block = d.pop("end_block")

        current_block = d.pop("current_block")

        status = check_job_status(d.pop("status"))

        progress_percentage = d.pop("progress_percentage")

        def _parse_estimated_completion(data: object) -> Union[None, datetime.datetime]:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                estimated_completion_type_0 = isoparse(data)

                return estimated_completion_type_0
            except:  # noqa: E722
                pass
            return cast(Union[None, datetime.datetime], data)

        estimated_completion = _parse_estimated_completion(d.pop("estimated_completion"))

        def _parse_error_message(data: object) -> Union[None, str]:
            if data is None:
                return data
            return cast(Union[None, str], data)

        error_message = _parse_error_message(d.pop("error_message"))

        started_at = isoparse(d.pop("started_at"))

        def _parse_completed_at(data: object) -> Union[None, datetime.datetime]:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                completed_at_type_0 = isoparse(data)

                return completed_at_type_0
            except:  # noqa: E722
                pass
            return cast(Union[None, datetime.datetime], data)

        completed_at = _parse_completed_at(d.pop("completed_at"))

        def _parse_created_by(data: object) -> Union[None, str]:
            if data is None:
                return data
            return cast(Union[None, str], data)

        created_by = _parse_created_by(d.pop("created_by"))

        version = d.pop("version")

        job = cls(
            id=id,
            job_type=job_type,
            start_block=start_block,
            end_block=end_block,
            current_block=current_block,
            status=status,
            progress_percentage=progress_percentage,
            estimated_completion=estimated_completion,
            error_message=error_message,
            started_at=started_at,
            completed_at=completed_at,
            created_by=created_by,
            version=version,
        )

        return job
