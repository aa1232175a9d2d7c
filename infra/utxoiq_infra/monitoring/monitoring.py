"""Monitoring: the service level objective, uptime checks, alerts, dashboards."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pulumi

from utxoiq_infra.component import Component
from utxoiq_infra.configuration.settings import Configuration
from utxoiq_infra.function import ServerlessFunction
from utxoiq_infra.monitoring.alert_table import alerts
from utxoiq_infra.monitoring.alerting import Alerting
from utxoiq_infra.monitoring.availability import Availability
from utxoiq_infra.monitoring.change_table import change_alerts
from utxoiq_infra.monitoring.dashboard_table import dashboards
from utxoiq_infra.monitoring.dashboards import Dashboards
from utxoiq_infra.monitoring.uptime import UptimeChecks


class Monitoring(Component):
    """All monitoring of the stack. `dashboards` are their URLs by name; alerts notify the given channels."""

    def __init__(
        self,
        name: str,
        configuration: Configuration,
        functions: Mapping[str, ServerlessFunction],
        channels: Sequence[pulumi.Input[str]],
        repository: Path,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Monitoring", name, opts)
        availability = Availability(name, configuration, opts=self.own())
        objective = availability.objective
        # It waits for everything, and the others for it: Pulumi walks through all that each resource names.
        later = pulumi.ResourceOptions(parent=self, depends_on=[availability.service])
        checks = list(UptimeChecks(name, configuration, functions, opts=later).checks.values())
        table = [*alerts(configuration, objective, checks), *change_alerts(configuration)]
        policies = Alerting(name, configuration, table, channels, repository, opts=later).policies
        self.dashboards = Dashboards(
            name,
            configuration,
            dashboards(configuration, objective, checks),
            [policy.id for policy in policies.values()],
            opts=later,
        ).urls
        self.register_outputs({})
