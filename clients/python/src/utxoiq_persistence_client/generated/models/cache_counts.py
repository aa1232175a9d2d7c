from collections.abc import Mapping
from typing import Any, TypeVar, Union, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

T = TypeVar("T", bound="CacheCounts")


@_attrs_define
class CacheCounts:
    """Counts cache lookups, evictions and failed writes.

    `evictions` counts entries that processes dropped because their memory limit was reached. `failed_writes` counts
    entries and invalidations that could not be written to Redis.

    Attributes:
            lookups (int): How often something was looked up.
            memory (int): How often the process itself had it.
            redis (int): How often Redis had it.
            misses (int): How often the database was asked.
            errors (int): How often the database was asked because Redis did not answer.
            hit_rate (Union[None, float]): How many lookups were answered without the database, in percent; null where there
                were none.
            evictions (int): How many entries were dropped for want of memory.
            failed_writes (int): How many entries and invalidations Redis did not take.
            forged (int): How much of what Redis held or passed on was not of the functions' making, or was put back, and
                was not believed: entries, beats, news of changes, counts, figures, marks.
    """

    lookups: int
    memory: int
    redis: int
    misses: int
    errors: int
    hit_rate: Union[None, float]
    evictions: int
    failed_writes: int
    forged: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        lookups = self.lookups

        memory = self.memory

        redis = self.redis

        misses = self.misses

        errors = self.errors

        hit_rate: Union[None, float]
        hit_rate = self.hit_rate

        evictions = self.evictions

        failed_writes = self.failed_writes

        forged = self.forged

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
                "evictions": evictions,
                "failed_writes": failed_writes,
                "forged": forged,
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

        evictions = d.pop("evictions")

        failed_writes = d.pop("failed_writes")

        forged = d.pop("forged")

        cache_counts = cls(
            lookups=lookups,
            memory=memory,
            redis=redis,
            misses=misses,
            errors=errors,
            hit_rate=hit_rate,
            evictions=evictions,
            failed_writes=failed_writes,
            forged=forged,
        )

        cache_counts.additional_properties = d
        return cache_counts

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
