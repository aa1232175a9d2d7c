"""The stack's own network: functions reach the database and the cache by private addresses only."""

import pulumi
from pulumi_gcp import compute, dns, servicenetworking

from utxoiq_infra.component import Component
from utxoiq_infra.configuration.settings import Configuration


class Network(Component):
    """Functions send private traffic through `subnetwork` (Direct VPC egress).

    Cloud SQL and Memorystore get addresses of the range that is peered with Google's services; whoever uses them
    depends on `peering`.
    """

    def __init__(self, name: str, configuration: Configuration, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Network", name, opts)
        self.network = compute.Network(
            name,
            name=name,
            project=configuration.project,
            auto_create_subnetworks=False,
            routing_mode="REGIONAL",
            opts=self.own(),
        )
        self.subnetwork = compute.Subnetwork(
            f"{name}-functions",
            name=f"{name}-functions",
            project=configuration.project,
            region=configuration.region,
            network=self.network.id,
            ip_cidr_range=configuration.network.functions_range,
            private_ip_google_access=True,
            log_config=compute.SubnetworkLogConfigArgs(
                aggregation_interval="INTERVAL_10_MIN", flow_sampling=0.5, metadata="INCLUDE_ALL_METADATA"
            )
            if configuration.network.flow_logs
            else None,
            opts=self.own(),
        )
        if configuration.network.dns_logs:
            dns.Policy(
                name,
                name=name,
                project=configuration.project,
                description="Logs which names are asked for",
                enable_logging=True,
                networks=[dns.PolicyNetworkArgs(network_url=self.network.id)],
                opts=self.own(),
            )
        address, _, length = configuration.network.services_range.partition("/")
        services = compute.GlobalAddress(
            f"{name}-services",
            name=f"{name}-services",
            project=configuration.project,
            network=self.network.id,
            purpose="VPC_PEERING",
            address_type="INTERNAL",
            address=address,
            prefix_length=int(length),
            labels=configuration.labels,
            opts=self.own(),
        )
        self.peering = servicenetworking.Connection(
            f"{name}-services",
            network=self.network.id,
            service="servicenetworking.googleapis.com",
            reserved_peering_ranges=[services.name],
            # Google frees the range only some time after the last instance in it went.
            deletion_policy="ABANDON",
            opts=self.own(),
        )
        self.register_outputs({})
