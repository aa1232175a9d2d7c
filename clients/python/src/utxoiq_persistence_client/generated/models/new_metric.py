import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, Union, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field
from dateutil.parser import isoparse

from ..types import UNSET, Unset

if TYPE_CHECKING:
    from ..models.new_metric_metric_metadata_type_0 import NewMetricMetricMetadataType0


T = TypeVar("T", bound="NewMetric")


@_attrs_define
class NewMetric:
    """Describes a measured value. A timestamp that is left out is the time of the request.

    Attributes:
        service_name (str): The service that measured.
        metric_type (str): What was measured, such as latency.
        metric_value (float): The measured value, finite.
        unit (str): The unit of the value, such as ms.
        metric_metadata (Union['NewMetricMetricMetadataType0', None, Unset]): Anything else that is worth keeping with
            the value.
        timestamp (Union[None, Unset, datetime.datetime]): RFC 3339, with T or a space; without an offset it is in UTC.
    """

    service_name: str
    metric_type: str
    metric_value: float
    unit: str
    metric_metadata: Union["NewMetricMetricMetadataType0", None, Unset] = UNSET
    timestamp: Union[None, Unset, datetime.datetime] = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.new_metric_metric_metadata_type_0 import NewMetricMetricMetadataType0

        service_name = self.service_name

        metric_type = self.metric_type

        metric_value = self.metric_value

        unit = self.unit

        metric_metadata: Union[None, Unset, dict[str, Any]]
        if isinstance(self.metric_metadata, Unset):
            metric_metadata = UNSET
        elif isinstance(self.metric_metadata, NewMetricMetricMetadataType0):
            metric_metadata = self.metric_metadata.to_dict()
        else:
            metric_metadata = self.metric_metadata

        timestamp: Union[None, Unset, str]
        if isinstance(self.timestamp, Unset):
            timestamp = UNSET
        elif isinstance(self.timestamp, datetime.datetime):
            timestamp = self.timestamp.isoformat()
        else:
            timestamp = self.timestamp

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "service_name": service_name,
                "metric_type": metric_type,
                "metric_value": metric_value,
                "unit": unit,
            }
        )
        if metric_metadata is not UNSET:
            field_dict["metric_metadata"] = metric_metadata
        if timestamp is not UNSET:
            field_dict["timestamp"] = timestamp

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.new_metric_metric_metadata_type_0 import NewMetricMetricMetadataType0

        d = dict(src_dict)
        service_name = d.pop("service_name")

        metric_type = d.pop("metric_type")

        metric_value = d.pop("metric_value")

        unit = d.pop("unit")

        def _parse_metric_metadata(data: object) -> Union["NewMetricMetricMetadataType0", None, Unset]:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                metric_metadata_type_0 = NewMetricMetricMetadataType0.from_dict(data)

                return metric_metadata_type_0
            except:  # noqa: E722
                pass
            return cast(Union["NewMetricMetricMetadataType0", None, Unset], data)

        metric_metadata = _parse_metric_metadata(d.pop("metric_metadata", UNSET))

        def _parse_timestamp(data: object) -> Union[None, Unset, datetime.datetime]:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                timestamp_type_0 = isoparse(data)

                return timestamp_type_0
            except:  # noqa: E722
                pass
            return cast(Union[None, Unset, datetime.datetime], data)

        timestamp = _parse_timestamp(d.pop("timestamp", UNSET))

        new_metric = cls(
            service_name=service_name,
            metric_type=metric_type,
            metric_value=metric_value,
            unit=unit,
            metric_metadata=metric_metadata,
            timestamp=timestamp,
        )

        new_metric.additional_properties = d
        return new_metric

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
