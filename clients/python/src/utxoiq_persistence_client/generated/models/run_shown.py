from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..models.run_shown_status import RunShownStatus, check_run_shown_status

if TYPE_CHECKING:
    from ..models.results_shown import ResultsShown


T = TypeVar("T", bound="RunShown")


@_attrs_define
class RunShown:
    """Reports on a retention run.

    The status `partial` means that rows are left for the next run, `failed` that a table had errors; the run
    processed the other tables.

    Attributes:
            status (RunShownStatus): How it ended.
            message (str): The same in words.
            results (ResultsShown): Has the counts of a run for each table.
    """

    status: RunShownStatus
    message: str
    results: "ResultsShown"

    def to_dict(self) -> dict[str, Any]:
        status: str = self.status

        message = self.message

        results = self.results.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "status": status,
                "message": message,
                "results": results,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.results_shown import ResultsShown

        d = dict(src_dict)
        status = check_run_shown_status(d.pop("status"))

        message = d.pop("message")

        results = ResultsShown.from_dict(d.pop("results"))

        run_shown = cls(
            status=status,
            message=message,
            results=results,
        )

        return run_shown
