from collections.abc import Mapping
from typing import Any, TypeVar, Union, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="Lookups")


@_attrs_define
class Lookups:
    """Counts cache lookups by where they were answered.

    `memory` counts those answered by the process, `redis` by Redis, `misses` by the database, and `errors` by the
    database because Redis did not respond. `hit_rate` is the percentage answered without the database; null if there
    were no lookups.

    Attributes:
            lookups (int): How often something was looked up.
            memory (int): How often the process itself had it.
            redis (int): How often Redis had it.
            misses (int): How often the database was asked.
            errors (int): How often the database was asked because Redis did not answer.
            hit_rate (Union[None, float]): How many lookups were answered without the database, in percent; null where there
                were none.
    """

    lookups: int
    memory: int
    redis: int
    misses: int
    errors: int
    hit_rate: Union[None, float]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        lookups = self.lookups

        memory = self.memory

        redis = self.redis

        misses = self.misses

        errors = self.errors

        hit_rate: Union[None, float]
        hit_rate = self.hit_rate

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "lookups": lookups,
                "memory": memory,
                "redis": redis,
                "misses": misses,
                "errors": errors,
                "hit_rate": hit_rate,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        lookups = d.pop("lookups")

        memory = d.pop("memory")

        redis = d.pop("redis")

        misses = d.pop("misses")

        errors = d.pop("errors")

        def _parse_hit_rate(data: object) -> Union[None, float]:
            if data is None:
                return data
            return cast(Union[None, float], data)

        hit_rate = _parse_hit_rate(d.pop("hit_rate"))

        lookups = cls(
            lookups=lookups,
            memory=memory,
            redis=redis,
            misses=misses,
            errors=errors,
            hit_rate=hit_rate,
        )

        lookups.additional_properties = d
        return lookups

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
