import datetime
from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import define as _attrs_define
from attrs import field as _attrs_field
from dateutil.parser import isoparse

from ..models.archive_question_table import ArchiveQuestionTable, check_archive_question_table

T = TypeVar("T", bound="ArchiveQuestion")


@_attrs_define
class ArchiveQuestion:
    """Asks one table's archived days by SQL: the days that have rows with start_time <= time < end_time, as a whole.

    Attributes:
        table (ArchiveQuestionTable): The table whose rows are restored.
        start_time (datetime.datetime): RFC 3339, with T or a space; without an offset it is in UTC.
        end_time (datetime.datetime): RFC 3339, with T or a space; without an offset it is in UTC.
        sql (str): One SELECT of DuckDB's over the table, which has its columns and `year`, `month`, `day`.
    """

    table: ArchiveQuestionTable
    start_time: datetime.datetime
    end_time: datetime.datetime
    sql: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        table: str = self.table

        start_time = self.start_time.isoformat()

        end_time = self.end_time.isoformat()

        sql = self.sql

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "table": table,
                "start_time": start_time,
                "end_time": end_time,
                "sql": sql,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        table = check_archive_question_table(d.pop("table"))

        start_time = isoparse(d.pop("start_time"))

        end_time = isoparse(d.pop("end_time"))

        sql = d.pop("sql")

        archive_question = cls(
            table=table,
            start_time=start_time,
            end_time=end_time,
            sql=sql,
        )

        archive_question.additional_properties = d
        return archive_question

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
