from collections.abc import Mapping
from typing import Any, TypeVar, Union, cast

from attrs import define as _attrs_define

T = TypeVar("T", bound="AverageChange")


@_attrs_define
class AverageChange:
    """Compares two averages. `percent` is null if the previous average was 0.

    Attributes:
        absolute (Union[None, float]): The difference of the averages.
        percent (Union[None, float]): The difference in percent of the earlier average.
    """

    absolute: Union[None, float]
    percent: Union[None, float]

    def to_dict(self) -> dict[str, Any]:
        absolute: Union[None, float]
        absolute = self.absolute

        percent: Union[None, float]
        percent = self.percent

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "absolute": absolute,
                "percent": percent,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)

        def _parse_absolute(data: object) -> Union[None, float]:
            if data is None:
                return data
            return cast(Union[None, float], data)

        absolute = _parse_absolute(d.pop("absolute"))

        def _parse_percent(data: object) -> Union[None, float]:
            if data is None:
                return data
            return cast(Union[None, float], data)

        percent = _parse_percent(d.pop("percent"))

        average_change = cls(
            absolute=absolute,
            percent=percent,
        )

        return average_change
