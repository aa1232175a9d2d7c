from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, Union, cast

from attrs import define as _attrs_define
from attrs import field as _attrs_field

if TYPE_CHECKING:
    from ..models.fleet_queries_by_instance import FleetQueriesByInstance
    from ..models.fleet_queries_functions import FleetQueriesFunctions
    from ..models.fleet_queries_statements import FleetQueriesStatements
    from ..models.server_statement import ServerStatement


T = TypeVar("T", bound="FleetQueries")


@_attrs_define
class FleetQueries:
    """Summarizes the queries of the whole fleet, of each function, each instance and each named statement.

    `statements` are ordered by p95, slowest first; `slowest` names the first ten. `server` lists the statements that
    took most time since PostgreSQL began to count (pg_stat_statements); null if it does not count.

    Attributes:
            total_queries (int): How many queries have ended.
            failed_queries (int): How many of them failed.
            slow_queries (int): How many took longer than the threshold.
            slow_query_percentage (float): How many of all were slow, in percent.
            average_query_time (float): The average, in milliseconds.
            p50 (Union[None, float]): The least value that half of all lie at or below.
            p95 (Union[None, float]): The least value that 95 % of all lie at or below.
            p99 (Union[None, float]): The least value that 99 % of all lie at or below.
            slow_query_threshold (float): From how many milliseconds on a query counts as slow.
            instances (int): How many instances there are.
            functions (FleetQueriesFunctions): The same for each function.
            by_instance (FleetQueriesByInstance): The same for each instance, by function/instance.
            statements (FleetQueriesStatements): The same for each named statement, slowest first.
            slowest (list[str]): The names of the ten slowest statements.
            whole (bool): Whether the figures are those of all instances; false where Redis is away.
            server (Union[None, list['ServerStatement']]): What PostgreSQL itself reports; null where it does not in time.
    """

    total_queries: int
    failed_queries: int
    slow_queries: int
    slow_query_percentage: float
    average_query_time: float
    p50: Union[None, float]
    p95: Union[None, float]
    p99: Union[None, float]
    slow_query_threshold: float
    instances: int
    functions: "FleetQueriesFunctions"
    by_instance: "FleetQueriesByInstance"
    statements: "FleetQueriesStatements"
    slowest: list[str]
    whole: bool
    server: Union[None, list["ServerStatement"]]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        total_queries = self.total_queries

        failed_queries = self.failed_queries

        slow_queries = self.slow_queries

        slow_query_percentage = self.slow_query_percentage

        average_query_time = self.average_query_time

        p50: Union[None, float]
        p50 = self.p50

        p95: Union[None, float]
        p95 = self.p95

        p99: Union[None, float]
        p99 = self.p99

        slow_query_threshold = self.slow_query_threshold

        instances = self.instances

        functions = self.functions.to_dict()

        by_instance = self.by_instance.to_dict()

        statements = self.statements.to_dict()

        slowest = self.slowest

        whole = self.whole

        server: Union[None, list[dict[str, Any]]]
        if isinstance(self.server, list):
            server = []
            for server_type_0_item_data in self.server:
                server_type_0_item = server_type_0_item_data.to_dict()
                server.append(server_type_0_item)

        else:
            server = self.server

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "total_queries": total_queries,
                "failed_queries": failed_queries,
                "slow_queries": slow_queries,
                "slow_query_percentage": slow_query_percentage,
                "average_query_time": average_query_time,
                "p50": p50,
                "p95": p95,
                "p99": p99,
                "slow_query_threshold": slow_query_threshold,
                "instances": instances,
                "functions": functions,
                "by_instance": by_instance,
                "statements": statements,
                "slowest": slowest,
                "whole": whole,
                "server": server,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.fleet_queries_by_instance import FleetQueriesByInstance
        from ..models.fleet_queries_functions import FleetQueriesFunctions
        from ..models.fleet_queries_statements import FleetQueriesStatements
        from ..models.server_statement import ServerStatement

        d = dict(src_dict)
        total_queries = d.pop("total_queries")

        failed_queries = d.pop("failed_queries")

        slow_queries = d.pop("slow_queries")

        slow_query_percentage = d.pop("slow_query_percentage")

        average_query_time = d.pop("average_query_time")

        def _parse_p50(data: object) -> Union[None, float]:
            if data is None:
                return data
            return cast(Union[None, float], data)

        p50 = _parse_p50(d.pop("p50"))

        def _parse_p95(data: object) -> Union[None, float]:
            if data is None:
                return data
            return cast(Union[None, float], data)

        p95 = _parse_p95(d.pop("p95"))

        def _parse_p99(data: object) -> Union[None, float]:
            if data is None:
                return data
            return cast(Union[None, float], data)

        p99 = _parse_p99(d.pop("p99"))

        slow_query_threshold = d.pop("slow_query_threshold")

        instances = d.pop("instances")

        functions = FleetQueriesFunctions.from_dict(d.pop("functions"))

        by_instance = FleetQueriesByInstance.from_dict(d.pop("by_instance"))

        statements = FleetQueriesStatements.from_dict(d.pop("statements"))

        slowest = cast(list[str], d.pop("slowest"))

        whole = d.pop("whole")

        def _parse_server(data: object) -> Union[None, list["ServerStatement"]]:
            if data is None:
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                server_type_0 = []
                _server_type_0 = data
                for server_type_0_item_data in _server_type_0:
                    server_type_0_item = ServerStatement.from_dict(server_type_0_item_data)

                    server_type_0.append(server_type_0_item)

                return server_type_0
            except:  # noqa: E722
                pass
            return cast(Union[None, list["ServerStatement"]], data)

        server = _parse_server(d.pop("server"))

        fleet_queries = cls(
            total_queries=total_queries,
            failed_queries=failed_queries,
            slow_queries=slow_queries,
            slow_query_percentage=slow_query_percentage,
            average_query_time=average_query_time,
            p50=p50,
            p95=p95,
            p99=p99,
            slow_query_threshold=slow_query_threshold,
            instances=instances,
            functions=functions,
            by_instance=by_instance,
            statements=statements,
            slowest=slowest,
            whole=whole,
            server=server,
        )

        fleet_queries.additional_properties = d
        return fleet_queries

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
