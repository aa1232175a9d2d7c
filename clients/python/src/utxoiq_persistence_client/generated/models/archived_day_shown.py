from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define

from ..models.archived_day_shown_state import ArchivedDayShownState, check_archived_day_shown_state
from ..models.archived_day_shown_table import ArchivedDayShownTable, check_archived_day_shown_table

T = TypeVar("T", bound="ArchivedDayShown")


@_attrs_define
class ArchivedDayShown:
    """Sums up the archived objects of one table, day and state.

    In the state `archived` the rows may still be in the table, in `removed` they are in the archive alone; `gone` are
    objects that the bucket has no more, and `writing` is under way.

    Attributes:
            table (ArchivedDayShownTable): The table that the rows were of.
            day (str): The day of the rows, in UTC.
            state (ArchivedDayShownState): Whether the rows are in the archive alone (`removed`), or what else is true of
                them.
            objects (int): How many archive objects there are.
            rows (int): How many rows they hold.
            bytes_ (int): Their size, in bytes.
    """

    table: ArchivedDayShownTable
    day: str
    state: ArchivedDayShownState
    objects: int
    rows: int
    bytes_: int

    def to_dict(self) -> dict[str, Any]:
        table: str = self.table

        day = self.day

        state: str = self.state

        objects = self.objects

        rows = self.rows

        bytes_ = self.bytes_

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "table": table,
                "day": day,
                "state": state,
                "objects": objects,
                "rows": rows,
                "bytes": bytes_,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        table = check_archived_day_shown_table(d.pop("table"))

        day = d.pop("day")

        state = check_archived_day_shown_state(d.pop("state"))

        objects = d.pop("objects")

        rows = d.pop("rows")

        bytes_ = d.pop("bytes")

        archived_day_shown = cls(
            table=table,
            day=day,
            state=state,
            objects=objects,
            rows=rows,
            bytes_=bytes_,
        )

        return archived_day_shown
