import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, Union, cast

from attrs import define as _attrs_define
from dateutil.parser import isoparse

if TYPE_CHECKING:
    from ..models.aggregate_figures import AggregateFigures
    from ..models.average_change import AverageChange


T = TypeVar("T", bound="AggregateComparison")


@_attrs_define
class AggregateComparison:
    """Compares the whole range with the earlier range from start_time to end_time.

    An aggregate is null if its range has no values.

    Attributes:
            start_time (datetime.datetime): The beginning of the range.
            end_time (datetime.datetime): The end of the range.
            current (Union['AggregateFigures', None]): Of the range that was asked for; null where it has no values.
            previous (Union['AggregateFigures', None]): The same of the earlier range; null where it has no values.
            change (Union['AverageChange', None]): How the averages differ.
    """

    start_time: datetime.datetime
    end_time: datetime.datetime
    current: Union["AggregateFigures", None]
    previous: Union["AggregateFigures", None]
    change: Union["AverageChange", None]

    def to_dict(self) -> dict[str, Any]:
        from ..models.aggregate_figures import AggregateFigures
        from ..models.average_change import AverageChange

        start_time = self.start_time.isoformat()

        end_time = self.end_time.isoformat()

        current: Union[None, dict[str, Any]]
        if isinstance(self.current, AggregateFigures):
            current = self.current.to_dict()
        else:
            current = self.current

        previous: Union[None, dict[str, Any]]
        if isinstance(self.previous, AggregateFigures):
            previous = self.previous.to_dict()
        else:
            previous = self.previous

        change: Union[None, dict[str, Any]]
        if isinstance(self.change, AverageChange):
            change = self.change.to_dict()
        else:
            change = self.change

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "start_time": start_time,
                "end_time": end_time,
                "current": current,
                "previous": previous,
                "change": change,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.aggregate_figures import AggregateFigures
        from ..models.average_change import AverageChange

        d = dict(src_dict)
        start_time = isoparse(d.pop("start_time"))

        end_time = isoparse(d.pop("end_time"))

        def _parse_current(data: object) -> Union["AggregateFigures", None]:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                current_type_0 = AggregateFigures.from_dict(data)

                return current_type_0
            except:  # noqa: E722
                pass
            return cast(Union["AggregateFigures", None], data)

        current = _parse_current(d.pop("current"))

        def _parse_previous(data: object) -> Union["AggregateFigures", None]:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                previous_type_0 = AggregateFigures.from_dict(data)

                return previous_type_0
            except:  # noqa: E722
                pass
            return cast(Union["AggregateFigures", None], data)

        previous = _parse_previous(d.pop("previous"))

        def _parse_change(data: object) -> Union["AverageChange", None]:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                change_type_0 = AverageChange.from_dict(data)

                return change_type_0
            except:  # noqa: E722
                pass
            return cast(Union["AverageChange", None], data)

        change = _parse_change(d.pop("change"))

        aggregate_comparison = cls(
            start_time=start_time,
            end_time=end_time,
            current=current,
            previous=previous,
            change=change,
        )

        return aggregate_comparison
