"""Checks of /health from three continents, of the functions that can be reached from there.

To a function that is closed at the platform a check comes as Cloud Monitoring's own account. Behind the load balancer
its token would be meant for another address: there those are watched by the alerts on their schedules alone. migrate
serves nobody between deployments, and keeper takes the scheduler's calls only.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

import pulumi
from pulumi_gcp import monitoring

from utxoiq_infra.component import Component
from utxoiq_infra.configuration.catalog import ENDPOINTS, FunctionSpec
from utxoiq_infra.configuration.settings import INGRESS, Configuration
from utxoiq_infra.function import ServerlessFunction
from utxoiq_infra.load_balancer import health_path
from utxoiq_infra.project_number import project_number

# One location in each region: Google requires at least three.
REGIONS = ["USA_IOWA", "EUROPE", "ASIA_PACIFIC"]
MONITORING_AGENT = "gcp-sa-monitoring-notification.iam.gserviceaccount.com"
PERIOD, TIMEOUT = "60s", "10s"


class UptimeChecks(Component):
    """The uptime checks; `checks` are their ids by function."""

    def __init__(
        self,
        name: str,
        configuration: Configuration,
        functions: Mapping[str, ServerlessFunction],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("UptimeChecks", name, opts)
        self._configuration = configuration
        urls = {spec: self._url(spec, functions[spec.name]) for spec in ENDPOINTS}
        self.checks = {
            spec.name: self._check(spec, functions[spec.name], url) for spec, url in urls.items() if url is not None
        }
        self.register_outputs({})

    def _url(self, spec: FunctionSpec, function: ServerlessFunction) -> pulumi.Output[str] | None:
        """Of its health; None where nothing from outside is let in."""
        ingress = self._configuration.ingress(spec)
        if ingress == INGRESS["all"]:
            return pulumi.Output.concat(function.run_url, "/health")
        if ingress == INGRESS["balancer"] and spec.open:
            return pulumi.Output.from_input(f"https://{self._configuration.domain}{health_path(spec)}")
        return None

    def _agent(self) -> pulumi.Output[str]:
        """Cloud Monitoring's own account, as which an authenticated check comes."""
        return pulumi.Output.concat(
            "serviceAccount:service-", project_number(self._configuration, self), "@", MONITORING_AGENT
        )

    def _check(self, spec: FunctionSpec, function: ServerlessFunction, url: pulumi.Output[str]) -> pulumi.Output[str]:
        configuration, name = self._configuration, f"{self.pulumi_resource_name}-{spec.name}"
        grants = [] if spec.open else [function.allow("uptime", self._agent())]
        parts = url.apply(urlsplit)
        check = monitoring.UptimeCheckConfig(
            name,
            display_name=name,
            project=configuration.project,
            period=PERIOD,
            timeout=TIMEOUT,
            selected_regions=REGIONS,
            http_check=monitoring.UptimeCheckConfigHttpCheckArgs(
                request_method="GET",
                path=parts.apply(lambda url: url.path),
                port=parts.apply(lambda url: url.port or (443 if url.scheme == "https" else 80)),
                use_ssl=parts.apply(lambda url: url.scheme == "https"),
                service_agent_authentication=None
                if spec.open
                else monitoring.UptimeCheckConfigHttpCheckServiceAgentAuthenticationArgs(type="OIDC_TOKEN"),
                validate_ssl=parts.apply(lambda url: url.scheme == "https"),
                accepted_response_status_codes=[
                    monitoring.UptimeCheckConfigHttpCheckAcceptedResponseStatusCodeArgs(status_value=200)
                ],
            ),
            monitored_resource=monitoring.UptimeCheckConfigMonitoredResourceArgs(
                type="uptime_url",
                labels={"project_id": configuration.project, "host": parts.apply(lambda url: url.hostname or "")},
            ),
            user_labels=configuration.labels,
            opts=self.own(depends_on=grants),
        )
        return check.uptime_check_id
