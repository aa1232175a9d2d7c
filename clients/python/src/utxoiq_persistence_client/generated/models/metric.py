import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, Union, cast
from uuid import UUID

from attrs import define as _attrs_define
from dateutil.parser import isoparse

if TYPE_CHECKING:
    from ..models.metric_metric_metadata_type_0 import MetricMetricMetadataType0


T = TypeVar("T", bound="Metric")


@_attrs_define
class Metric:
    """Describes a recorded metric.

    Attributes:
        id (UUID): The id of the metric.
        service_name (str): The service that measured.
        metric_type (str): What was measured, such as latency.
        metric_value (float): The measured value, finite.
        unit (str): The unit of the value, such as ms.
        timestamp (datetime.datetime): When it was measured.
        metric_metadata (Union['MetricMetricMetadataType0', None]): Anything else that is worth keeping with the value.
    """

    id: UUID
    service_name: str
    metric_type: str
    metric_value: float
    unit: str
    timestamp: datetime.datetime
    metric_metadata: Union["MetricMetricMetadataType0", None]

    def to_dict(self) -> dict[str, Any]:
        from ..models.metric_metric_metadata_type_0 import MetricMetricMetadataType0

        id = str(self.id)

        service_name = self.service_name

        metric_type = self.metric_type

        metric_value = self.metric_value

        unit = self.unit

        timestamp = self.timestamp.isoformat()

        metric_metadata: Union[None, dict[str, Any]]
        if isinstance(self.metric_metadata, MetricMetricMetadataType0):
            metric_metadata = self.metric_metadata.to_dict()
        else:
            metric_metadata = self.metric_metadata

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "id": id,
                "service_name": service_name,
                "metric_type": metric_type,
                "metric_value": metric_value,
                "unit": unit,
                "timestamp": timestamp,
                "metric_metadata": metric_metadata,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.metric_metric_metadata_type_0 import MetricMetricMetadataType0

        d = dict(src_dict)
        id = UUID(d.pop("id"))

        service_name = d.pop("service_name")

        metric_type = d.pop("metric_type")

        metric_value = d.pop("metric_value")

        unit = d.pop("unit")

        timestamp = isoparse(d.pop("timestamp"))

        def _parse_metric_metadata(data: object) -> Union["MetricMetricMetadataType0", None]:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                metric_metadata_type_0 = MetricMetricMetadataType0.from_dict(data)

                return metric_metadata_type_0
            except:  # noqa: E722
                pass
            return cast(Union["MetricMetricMetadataType0", None], data)

        metric_metadata = _parse_metric_metadata(d.pop("metric_metadata"))

        metric = cls(
            id=id,
            service_name=service_name,
            metric_type=metric_type,
            metric_value=metric_value,
            unit=unit,
            timestamp=timestamp,
            metric_metadata=metric_metadata,
        )

        return metric
