from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, Union, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.fleet_cache_by_instance import FleetCacheByInstance
    from ..models.fleet_cache_functions import FleetCacheFunctions
    from ..models.fleet_cache_groups import FleetCacheGroups


T = TypeVar("T", bound="FleetCache")


@_attrs_define
class FleetCache:
    """Counts the cache lookups of the whole fleet, of each function, each instance and each group of entries.

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
        instances (int): How many instances there are.
        functions (FleetCacheFunctions): The same for each function.
        by_instance (FleetCacheByInstance): The same for each instance, by function/instance.
        groups (FleetCacheGroups): The same for each group of entries.
        whole (bool): Whether the figures are those of all instances; false where Redis is away.
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
    instances: int
    functions: "FleetCacheFunctions"
    by_instance: "FleetCacheByInstance"
    groups: "FleetCacheGroups"
    whole: bool
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

        instances = self.instances

        functions = self.functions.to_dict()

        by_instance = self.by_instance.to_dict()

        groups = self.groups.to_dict()

        whole = self.whole

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
                "instances": instances,
                "functions": functions,
                "by_instance": by_instance,
                "groups": groups,
                "whole": whole,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.fleet_cache_by_instance import FleetCacheByInstance
        from ..models.fleet_cache_functions import FleetCacheFunctions
        from ..models.fleet_cache_groups import FleetCacheGroups

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

        instances = d.pop("instances")

        functions = FleetCacheFunctions.from_dict(d.pop("functions"))

        by_instance = FleetCacheByInstance.from_dict(d.pop("by_instance"))

        groups = FleetCacheGroups.from_dict(d.pop("groups"))

        whole = d.pop("whole")

        fleet_cache = cls(
            lookups=lookups,
            memory=memory,
            redis=redis,
            misses=misses,
            errors=errors,
            hit_rate=hit_rate,
            evictions=evictions,
            failed_writes=failed_writes,
            forged=forged,
            instances=instances,
            functions=functions,
            by_instance=by_instance,
            groups=groups,
            whole=whole,
        )

        fleet_cache.additional_properties = d
        return fleet_cache

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
