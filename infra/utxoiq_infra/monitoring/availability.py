"""The service level objective of the endpoints: 99.9 % of the requests of four weeks do not fail."""

import pulumi
from pulumi_gcp import monitoring

from utxoiq_infra.component import Component
from utxoiq_infra.configuration.catalog import ENDPOINTS
from utxoiq_infra.configuration.settings import Configuration
from utxoiq_infra.monitoring.metric_filters import Filters

GOAL = 0.999
DAYS = 28  # whole weeks, so that each has as many Sundays


class Availability(Component):
    """The objective; `objective` is the name by which its burn rate is queried. `service` waits for the depends_on."""

    def __init__(self, name: str, configuration: Configuration, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Availability", name, opts)
        filters = Filters(configuration)
        self.service = monitoring.CustomService(
            name,
            service_id=name,
            project=configuration.project,
            display_name=name,
            user_labels=configuration.labels,
            opts=self.own(),
        )
        every = filters.services("request_count", ENDPOINTS)
        failed = filters.services("request_count", ENDPOINTS, response_code_class="5xx")
        objective = monitoring.Slo(
            f"{name}-availability",
            slo_id="availability",
            service=self.service.service_id,
            project=configuration.project,
            display_name=f"{GOAL:.1%} of requests do not fail",
            goal=GOAL,
            rolling_period_days=DAYS,
            request_based_sli=monitoring.SloRequestBasedSliArgs(
                good_total_ratio=monitoring.SloRequestBasedSliGoodTotalRatioArgs(
                    total_service_filter=every, bad_service_filter=failed
                )
            ),
            user_labels=configuration.labels,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.objective: pulumi.Output[str] = objective.id
        self.register_outputs({"objective": self.objective})
