from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import define as _attrs_define

from ..models.queries_answer_status import QueriesAnswerStatus, check_queries_answer_status

if TYPE_CHECKING:
    from ..models.fleet_queries import FleetQueries


T = TypeVar("T", bound="QueriesAnswer")


@_attrs_define
class QueriesAnswer:
    """Reports the query metrics.

    Attributes:
        status (QueriesAnswerStatus): How it ended.
        metrics (FleetQueries): Summarizes the queries of the whole fleet, of each function, each instance and each
            named statement.

            `statements` are ordered by p95, slowest first; `slowest` names the first ten. `server` lists the statements
            that
            took most time since PostgreSQL began to count (pg_stat_statements); null if it does not count.
    """

    status: QueriesAnswerStatus
    metrics: "FleetQueries"

    def to_dict(self) -> dict[str, Any]:
        status: str = self.status

        metrics = self.metrics.to_dict()

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "status": status,
                "metrics": metrics,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.fleet_queries import FleetQueries

        d = dict(src_dict)
        status = check_queries_answer_status(d.pop("status"))

        metrics = FleetQueries.from_dict(d.pop("metrics"))

        queries_answer = cls(
            status=status,
            metrics=metrics,
        )

        return queries_answer
