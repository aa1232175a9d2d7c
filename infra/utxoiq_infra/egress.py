"""What functions may reach: a list of addresses and hosts, and nothing else."""

from collections.abc import Sequence

import pulumi
from pulumi_gcp import compute, dns

from utxoiq_infra.component import Component
from utxoiq_infra.configuration.settings import Configuration

# The addresses of private.googleapis.com: all of Google's APIs, reached from within a network alone. Those of
# restricted.googleapis.com serve fewer hosts: www.googleapis.com, where Google's and Firebase's token keys are, is none
# that Google lists.
GOOGLE_RANGE = "199.36.153.8/30"
GOOGLE_ADDRESSES = ("199.36.153.8", "199.36.153.9", "199.36.153.10", "199.36.153.11")
# The domains whose names lead there, and the name in each that has the addresses. The console calls functions by
# run.app.
GOOGLE_DOMAINS = {"googleapis.com.": "private.googleapis.com.", "run.app.": "run.app."}
HTTPS = ("443",)
# Cloud SQL's connectors; Memorystore without TLS, and with.
SERVICE_PORTS = ("3307", "6378", "6379")
ANYWHERE = "0.0.0.0/0"
LAST_PRIORITY = 65_000
TTL_SECONDS = 300


class Egress(Component):
    """The list, in a firewall policy of the network that denies all else; `resources` is what functions wait for.

    Names of Google's resolve to addresses that are reached from within the network. Hosts beyond Google's are known by
    their names, and reached through Cloud NAT, which there is none of without them.
    """

    def __init__(
        self,
        name: str,
        configuration: Configuration,
        network: compute.Network,
        subnetwork: compute.Subnetwork,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Egress", name, opts)
        self._configuration = configuration
        hosts = configuration.egress_hosts
        policy = compute.NetworkFirewallPolicyWithRules(
            name,
            name=name,
            project=configuration.project,
            description="What functions may reach",
            rules=[
                _allow(1000, "Google's APIs", HTTPS, ranges=[GOOGLE_RANGE]),
                _allow(1100, "The database and the cache", SERVICE_PORTS, [configuration.network.services_range]),
                *([_allow(1200, "Hosts that the stack lists", HTTPS, hosts=hosts)] if hosts else []),
                _deny_the_rest(),
            ],
            opts=self.own(),
        )
        association = compute.NetworkFirewallPolicyAssociation(
            name,
            name=name,
            project=configuration.project,
            firewall_policy=policy.name,
            attachment_target=network.id,
            opts=self.own(),
        )
        self.resources: list[pulumi.Resource] = [association]
        for domain, target in GOOGLE_DOMAINS.items():
            self.resources += self._zone(network, domain, target)
        if hosts:
            self.resources.append(self._nat(network, subnetwork))
        self.register_outputs({})

    def _zone(self, network: compute.Network, domain: str, target: str) -> list[pulumi.Resource]:
        """Lead all names of a domain to Google's private addresses. Return the records."""
        name = f"{self.pulumi_resource_name}-{domain.rstrip('.').replace('.', '-')}"
        zone = dns.ManagedZone(
            name,
            name=name,
            project=self._configuration.project,
            dns_name=domain,
            description=f"Leads {domain} to addresses that are reached from within the network",
            visibility="private",
            private_visibility_config=dns.ManagedZonePrivateVisibilityConfigArgs(
                networks=[dns.ManagedZonePrivateVisibilityConfigNetworkArgs(network_url=network.id)]
            ),
            labels=self._configuration.labels,
            opts=self.own(),
        )
        records: dict[str, tuple[str, str, Sequence[str]]] = {
            "addresses": (target, "A", GOOGLE_ADDRESSES),
            "all": (f"*.{domain}", "CNAME", [target]),
        }
        return [
            dns.RecordSet(
                f"{name}-{what}",
                name=called,
                project=self._configuration.project,
                managed_zone=zone.name,
                type=kind,
                ttl=TTL_SECONDS,
                rrdatas=list(values),
                opts=self.own(),
            )
            for what, (called, kind, values) in records.items()
        ]

    def _nat(self, network: compute.Network, subnetwork: compute.Subnetwork) -> compute.RouterNat:
        name, configuration = self.pulumi_resource_name, self._configuration
        router = compute.Router(
            name,
            name=name,
            project=configuration.project,
            region=configuration.region,
            network=network.id,
            opts=self.own(),
        )
        return compute.RouterNat(
            name,
            name=name,
            project=configuration.project,
            region=configuration.region,
            router=router.name,
            nat_ip_allocate_option="AUTO_ONLY",
            source_subnetwork_ip_ranges_to_nat="LIST_OF_SUBNETWORKS",
            subnetworks=[
                compute.RouterNatSubnetworkArgs(name=subnetwork.id, source_ip_ranges_to_nats=["ALL_IP_RANGES"])
            ],
            log_config=compute.RouterNatLogConfigArgs(enable=configuration.network.flow_logs, filter="ERRORS_ONLY"),
            opts=self.own(),
        )


def _allow(
    priority: int, description: str, ports: Sequence[str], ranges: Sequence[str] = (), hosts: Sequence[str] = ()
) -> compute.NetworkFirewallPolicyWithRulesRuleArgs:
    return compute.NetworkFirewallPolicyWithRulesRuleArgs(
        priority=priority,
        description=description,
        action="allow",
        direction="EGRESS",
        match=compute.NetworkFirewallPolicyWithRulesRuleMatchArgs(
            dest_ip_ranges=list(ranges) or None,
            dest_fqdns=list(hosts) or None,
            layer4_configs=[
                compute.NetworkFirewallPolicyWithRulesRuleMatchLayer4ConfigArgs(ip_protocol="tcp", ports=list(ports))
            ],
        ),
    )


def _deny_the_rest() -> compute.NetworkFirewallPolicyWithRulesRuleArgs:
    """Google logs no connection of a function that a rule denies, so none is asked for."""
    return compute.NetworkFirewallPolicyWithRulesRuleArgs(
        priority=LAST_PRIORITY,
        description="Everything else",
        action="deny",
        direction="EGRESS",
        match=compute.NetworkFirewallPolicyWithRulesRuleMatchArgs(
            dest_ip_ranges=[ANYWHERE],
            layer4_configs=[compute.NetworkFirewallPolicyWithRulesRuleMatchLayer4ConfigArgs(ip_protocol="all")],
        ),
    )
