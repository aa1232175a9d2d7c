"""One host name for all functions: a global load balancer with a managed certificate, behind Cloud Armor."""

from collections.abc import Iterator, Mapping

import pulumi
from pulumi_gcp import compute

from utxoiq_infra.component import Component
from utxoiq_infra.configuration.catalog import ENDPOINTS, FunctionSpec
from utxoiq_infra.configuration.settings import Configuration
from utxoiq_infra.function import ServerlessFunction

# A client's requests a minute, beyond which Cloud Armor answers 429. The functions' own limits are finer.
REQUESTS_A_MINUTE = 600
ATTACKS = (
    "protocolattack-v33-stable",
    "scannerdetection-v33-stable",
    "rce-v33-stable",
    "sqli-v33-stable",
    "xss-v33-stable",
)
# Fields of bodies that are free text: a comment about SQL is no attack. Metadata has fields of the client's choice.
FREE_TEXT = ("comment", "flag_reason", "error_message")
FREE_TEXT_PREFIX = "metadata"
LOWEST_PRIORITY = 2_147_483_647


class LoadBalancer(Component):
    """The load balancer. Its certificate is issued once the domain's owner points it at `address`."""

    def __init__(
        self,
        name: str,
        configuration: Configuration,
        functions: Mapping[str, ServerlessFunction],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("LoadBalancer", name, opts)
        self._configuration = configuration
        address = compute.GlobalAddress(
            name,
            name=name,
            project=configuration.project,
            address_type="EXTERNAL",
            labels=configuration.labels,
            opts=self.own(),
        )
        armor = self._armor()
        backends = {spec: self._backend(spec.name, functions[spec.name].service, armor) for spec in ENDPOINTS}
        # Any function says of a path that is none of its own what the contract says: 404, as a problem.
        nowhere = next(iter(backends.values()))
        others = (
            self._backend("fallback", configuration.fallback_service, armor)
            if configuration.fallback_service
            else nowhere
        )
        self._listen("https", "443", self._https_proxy(self._routes(backends, nowhere, others)), address)
        self._listen("http", "80", self._redirecting_proxy(), address)
        self.address = address.address
        self.url = f"https://{configuration.domain}"
        self.register_outputs({"address": self.address})

    def _armor(self) -> compute.SecurityPolicy:
        name = self.pulumi_resource_name
        return compute.SecurityPolicy(
            name,
            name=name,
            project=self._configuration.project,
            type="CLOUD_ARMOR",
            # Rules see the values within JSON, and learn what traffic is usual.
            advanced_options_config=compute.SecurityPolicyAdvancedOptionsConfigArgs(json_parsing="STANDARD"),
            adaptive_protection_config=compute.SecurityPolicyAdaptiveProtectionConfigArgs(
                layer7_ddos_defense_config=compute.SecurityPolicyAdaptiveProtectionConfigLayer7DdosDefenseConfigArgs(
                    enable=True
                )
            ),
            rules=[
                *(
                    _waf(1000 + i, attack, preview=not self._configuration.armor_enforced)
                    for i, attack in enumerate(ATTACKS)
                ),
                compute.SecurityPolicyRuleArgs(
                    action="throttle",
                    priority=3000,
                    description="So many requests a client and minute",
                    match=_everybody(),
                    rate_limit_options=compute.SecurityPolicyRuleRateLimitOptionsArgs(
                        conform_action="allow",
                        exceed_action="deny(429)",
                        enforce_on_key="IP",
                        rate_limit_threshold=compute.SecurityPolicyRuleRateLimitOptionsRateLimitThresholdArgs(
                            count=REQUESTS_A_MINUTE, interval_sec=60
                        ),
                    ),
                ),
                compute.SecurityPolicyRuleArgs(action="allow", priority=LOWEST_PRIORITY, match=_everybody()),
            ],
            labels=self._configuration.labels,
            opts=self.own(),
        )

    def _backend(
        self, called: str, service: pulumi.Input[str], armor: compute.SecurityPolicy
    ) -> compute.BackendService:
        """A service of Cloud Run, in the stack's region."""
        name = f"{self.pulumi_resource_name}-{called}"
        group = compute.RegionNetworkEndpointGroup(
            name,
            name=name,
            project=self._configuration.project,
            region=self._configuration.region,
            network_endpoint_type="SERVERLESS",
            cloud_run=compute.RegionNetworkEndpointGroupCloudRunArgs(service=service),
            opts=self.own(),
        )
        return compute.BackendService(
            name,
            name=name,
            project=self._configuration.project,
            load_balancing_scheme="EXTERNAL_MANAGED",
            protocol="HTTPS",
            backends=[compute.BackendServiceBackendArgs(group=group.id)],
            security_policy=armor.id,
            log_config=compute.BackendServiceLogConfigArgs(enable=True, sample_rate=1.0),
            opts=self.own(),
        )

    def _routes(
        self,
        backends: Mapping[FunctionSpec, compute.BackendService],
        nowhere: compute.BackendService,
        others: compute.BackendService,
    ) -> compute.URLMap:
        """nowhere: what answers other hosts. others: what answers the domain's paths that are no function's."""
        name = self.pulumi_resource_name
        return compute.URLMap(
            name,
            name=name,
            project=self._configuration.project,
            default_service=nowhere.id,
            host_rules=[compute.URLMapHostRuleArgs(hosts=[self._configuration.domain], path_matcher="functions")],
            path_matchers=[
                compute.URLMapPathMatcherArgs(
                    name="functions",
                    default_service=others.id,
                    path_rules=[rule for spec, backend in backends.items() for rule in _path_rules(spec, backend)],
                )
            ],
            opts=self.own(),
        )

    def _https_proxy(self, routes: compute.URLMap) -> pulumi.Output[str]:
        name, project, domain = self.pulumi_resource_name, self._configuration.project, self._configuration.domain
        certificate = compute.ManagedSslCertificate(
            name,
            # A certificate cannot be changed, only replaced: its name changes with its domain.
            name=f"{name}-{domain.replace('.', '-')}"[:63].rstrip("-"),
            project=project,
            managed=compute.ManagedSslCertificateManagedArgs(domains=[domain]),
            opts=self.own(),
        )
        tls = compute.SSLPolicy(
            name, name=name, project=project, profile="MODERN", min_tls_version="TLS_1_2", opts=self.own()
        )
        proxy = compute.TargetHttpsProxy(
            name,
            name=name,
            project=project,
            url_map=routes.id,
            ssl_certificates=[certificate.id],
            ssl_policy=tls.id,
            opts=self.own(),
        )
        return proxy.id

    def _redirecting_proxy(self) -> pulumi.Output[str]:
        name, project = f"{self.pulumi_resource_name}-redirect", self._configuration.project
        redirect = compute.URLMap(
            name,
            name=name,
            project=project,
            default_url_redirect=compute.URLMapDefaultUrlRedirectArgs(https_redirect=True, strip_query=False),
            opts=self.own(),
        )
        return compute.TargetHttpProxy(name, name=name, project=project, url_map=redirect.id, opts=self.own()).id

    def _listen(self, kind: str, port: str, proxy: pulumi.Output[str], address: compute.GlobalAddress) -> None:
        name = f"{self.pulumi_resource_name}-{kind}"
        compute.GlobalForwardingRule(
            name,
            name=name,
            project=self._configuration.project,
            load_balancing_scheme="EXTERNAL_MANAGED",
            ip_address=address.id,
            port_range=port,
            target=proxy,
            labels=self._configuration.labels,
            opts=self.own(),
        )


def health_path(spec: FunctionSpec) -> str:
    """Return the path of a function's /health on the shared host name."""
    return f"/health/{spec.name}"


def _path_rules(spec: FunctionSpec, backend: compute.BackendService) -> Iterator[compute.URLMapPathMatcherPathRuleArgs]:
    own = [pattern for path in spec.paths for pattern in (path, f"{path}/*")]
    yield compute.URLMapPathMatcherPathRuleArgs(paths=own, service=backend.id)
    rewrite = compute.URLMapPathMatcherPathRuleRouteActionUrlRewriteArgs(path_prefix_rewrite="/health")
    yield compute.URLMapPathMatcherPathRuleArgs(
        paths=[health_path(spec)],
        service=backend.id,
        route_action=compute.URLMapPathMatcherPathRuleRouteActionArgs(url_rewrite=rewrite),
    )


def _everybody() -> compute.SecurityPolicyRuleMatchArgs:
    return compute.SecurityPolicyRuleMatchArgs(
        versioned_expr="SRC_IPS_V1", config=compute.SecurityPolicyRuleMatchConfigArgs(src_ip_ranges=["*"])
    )


def _waf(priority: int, attack: str, *, preview: bool) -> compute.SecurityPolicyRuleArgs:
    """At the lowest sensitivity, where signatures hardly ever meet what is meant well."""
    expression = f"evaluatePreconfiguredWaf('{attack}', {{'sensitivity': 1}})"
    return compute.SecurityPolicyRuleArgs(
        action="deny(403)",
        priority=priority,
        description=attack,
        preview=preview,
        preconfigured_waf_config=compute.SecurityPolicyRulePreconfiguredWafConfigArgs(
            exclusions=[
                compute.SecurityPolicyRulePreconfiguredWafConfigExclusionArgs(
                    target_rule_set=attack,
                    # Of a query, and of a body as well.
                    request_query_params=[
                        *(_parameter("EQUALS", name) for name in FREE_TEXT),
                        _parameter("STARTS_WITH", FREE_TEXT_PREFIX),
                    ],
                )
            ]
        ),
        match=compute.SecurityPolicyRuleMatchArgs(expr=compute.SecurityPolicyRuleMatchExprArgs(expression=expression)),
    )


def _parameter(
    operator: str, value: str
) -> compute.SecurityPolicyRulePreconfiguredWafConfigExclusionRequestQueryParamArgs:
    return compute.SecurityPolicyRulePreconfiguredWafConfigExclusionRequestQueryParamArgs(
        operator=operator, value=value
    )
