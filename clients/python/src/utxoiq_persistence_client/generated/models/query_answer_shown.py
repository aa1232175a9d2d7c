from collections.abc import Mapping
from typing import Any, TypeVar, Union, cast

from attrs import define as _attrs_define

from ..models.query_answer_shown_status import QueryAnswerShownStatus, check_query_answer_shown_status

T = TypeVar("T", bound="QueryAnswerShown")


@_attrs_define
class QueryAnswerShown:
    """Has what a query of the archive answered, of at most 1,000 rows and 1 MiB.

    `is_cut` says that there are more rows than those. Values are text as DuckDB writes them, and what is encrypted of
    persons is null. The status `partial` means that objects could not be read: `gone` are those that the bucket has no
    more, `damaged` those that failed their integrity check.

    Attributes:
            status (QueryAnswerShownStatus): How it ended.
            columns (list[str]): The names of the answer's columns.
            types (list[str]): DuckDB's types of the columns.
            rows (list[list[Union[None, str]]]): The rows, each with a value or null for each column.
            is_cut (bool): Whether there are more rows than those.
            objects (int): How many objects of the archive were read.
            rows_read (int): How many rows those objects have.
            gone (list[str]): The objects that are gone from the bucket.
            damaged (list[str]): The objects that failed their integrity check.
    """

    status: QueryAnswerShownStatus
    columns: list[str]
    types: list[str]
    rows: list[list[Union[None, str]]]
    is_cut: bool
    objects: int
    rows_read: int
    gone: list[str]
    damaged: list[str]

    def to_dict(self) -> dict[str, Any]:
        status: str = self.status

        columns = self.columns

        types = self.types

        rows = []
        for rows_item_data in self.rows:
            rows_item = []
            for rows_item_item_data in rows_item_data:
                rows_item_item: Union[None, str]
                rows_item_item = rows_item_item_data
                rows_item.append(rows_item_item)

            rows.append(rows_item)

        is_cut = self.is_cut

        objects = self.objects

        rows_read = self.rows_read

        gone = self.gone

        damaged = self.damaged

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "status": status,
                "columns": columns,
                "types": types,
                "rows": rows,
                "is_cut": is_cut,
                "objects": objects,
                "rows_read": rows_read,
                "gone": gone,
                "damaged": damaged,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        status = check_query_answer_shown_status(d.pop("status"))

        columns = cast(list[str], d.pop("columns"))

        types = cast(list[str], d.pop("types"))

        rows = []
        _rows = d.pop("rows")
        for rows_item_data in _rows:
            rows_item = []
            _rows_item = rows_item_data
            for rows_item_item_data in _rows_item:

                def _parse_rows_item_item(data: object) -> Union[None, str]:
                    if data is None:
                        return data
                    return cast(Union[None, str], data)

                rows_item_item = _parse_rows_item_item(rows_item_item_data)

                rows_item.append(rows_item_item)

            rows.append(rows_item)

        is_cut = d.pop("is_cut")

        objects = d.pop("objects")

        rows_read = d.pop("rows_read")

        gone = cast(list[str], d.pop("gone"))

        damaged = cast(list[str], d.pop("damaged"))

        query_answer_shown = cls(
            status=status,
            columns=columns,
            types=types,
            rows=rows,
            is_cut=is_cut,
            objects=objects,
            rows_read=rows_read,
            gone=gone,
            damaged=damaged,
        )

        return query_answer_shown
