from typing import Literal, cast

HealthPartsAdditionalProperty = Literal["away", "ok"]

HEALTH_PARTS_ADDITIONAL_PROPERTY_VALUES: set[HealthPartsAdditionalProperty] = {
    "away",
    "ok",
}


def check_health_parts_additional_property(value: str) -> HealthPartsAdditionalProperty:
    if value in HEALTH_PARTS_ADDITIONAL_PROPERTY_VALUES:
        return cast(HealthPartsAdditionalProperty, value)
    raise TypeError(f"Unexpected value {value!r}. Expected one of {HEALTH_PARTS_ADDITIONAL_PROPERTY_VALUES!r}")
