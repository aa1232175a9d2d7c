from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

if TYPE_CHECKING:
    from ..models.tally_shown import TallyShown


T = TypeVar("T", bound="ResultsShown")


@_attrs_define
class ResultsShown:
    """Has the counts of a run for each table.

    Attributes:
        backfill_jobs (TallyShown): Counts the rows of one table that a run archived and deleted, and its errors.

            `details` says what went wrong and what is left for the next run.
        feedback (TallyShown): Counts the rows of one table that a run archived and deleted, and its errors.

            `details` says what went wrong and what is left for the next run.
        metrics (TallyShown): Counts the rows of one table that a run archived and deleted, and its errors.

            `details` says what went wrong and what is left for the next run.
    """

    backfill_jobs: "TallyShown"
    feedback: "TallyShown"
    metrics: "TallyShown"

    def to_dict(self) -> dict[str, Any]:
        backfill_jobs = self.backfill_jobs.to_dict()

        feedback = self.feedback.to_dict()

        metrics = self.metrics.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "backfill_jobs": backfill_jobs,
                "feedback": feedback,
                "metrics": metrics,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.tally_shown import TallyShown

        d = dict(src_dict)
        backfill_jobs = TallyShown.from_dict(d.pop("backfill_jobs"))

        feedback = TallyShown.from_dict(d.pop("feedback"))

        metrics = TallyShown.from_dict(d.pop("metrics"))

        results_shown = cls(
            backfill_jobs=backfill_jobs,
            feedback=feedback,
            metrics=metrics,
        )

        return results_shown
