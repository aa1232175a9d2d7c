"""The stack's own network: functions reach the database and the cache by private addresses only."""

import pulumi
from pulumi_gcp import compute, dns, servicenetworking

from utxoiq_infra.component import Component
from utxoiq_infra.configuration.settings import Configuration
from utxoiq_infra.egress import Egress


class Network(Component):
    """Functions send their traffic through `subnetwork` (Direct VPC egress), and depend on what lists it: `egress`.

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
            # Else a rule of the firewall that somebody adds by hand would let out what the list denies.
            network_firewall_policy_enforcement_order="BEFORE_CLASSIC_FIREWALL"
            if configuration.network.egress_listed
            else None,
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
        # Without a list only private traffic goes this way, and all other has no way that could be closed.
        listed = configuration.network.egress_listed
        self.traffic = "VPC_EGRESS_ALL_TRAFFIC" if listed else "VPC_EGRESS_PRIVATE_RANGES_ONLY"
        self.egress = (
            Egress(f"{name}-egress", configuration, self.network, self.subnetwork, opts=self.own()).resources
            if listed
            else []
        )
        self.register_outputs({})
