"""Who gets in, and what is reachable from where."""

from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import Any

from utxoiq_policies.rule import Resource, Stack, rule
from utxoiq_policies.values import UNKNOWN, differs, entries, is_set, is_whole

FUNCTION = "cloudfunctionsv2/function:Function"
INSTANCE = "sql/databaseInstance:DatabaseInstance"
CLASSIC = "compute/firewall:Firewall"
FIREWALL = "compute/networkFirewallPolicyWithRules:NetworkFirewallPolicyWithRules"
ASSOCIATION = "compute/networkFirewallPolicyAssociation:NetworkFirewallPolicyAssociation"
ALL_TRAFFIC = "VPC_EGRESS_ALL_TRAFFIC"
ANYWHERE = "0.0.0.0/0"
WIDEST = 16
IAM_AUTHENTICATION = "cloudsql.iam_authentication"


@rule
def no_account_has_keys(stack: Stack) -> Iterator[str]:
    """Refuse keys of service accounts: whoever has the file is the account."""
    yield from (found.name for found in stack.all("serviceaccount/key:Key"))


@rule
def every_function_has_an_account_of_its_own(stack: Stack) -> Iterator[str]:
    """Refuse functions that share a service account, and those that run as the project's default account."""
    first: dict[str, str] = {}
    for function in stack.all(FUNCTION):
        account = function["serviceConfig.serviceAccountEmail"]
        if account is UNKNOWN:
            continue
        if not account:
            yield f"{function.name} has no account"
        elif first.setdefault(account, function.name) != function.name:
            yield f"{function.name} runs as {account}, as {first[account]} does"


@rule
def the_database_is_private_and_takes_tls_only(stack: Stack) -> Iterator[str]:
    """Require a private address only, and TLS, of instances of Cloud SQL."""
    for instance in stack.all(INSTANCE):
        if differs(instance["settings.ipConfiguration.ipv4Enabled"], False):
            yield f"{instance.name} has a public address"
        if not instance["settings.ipConfiguration.privateNetwork"]:
            yield f"{instance.name} has no private network"
        if differs(instance["settings.ipConfiguration.sslMode"], "ENCRYPTED_ONLY"):
            yield f"{instance.name} takes connections without TLS"


@rule
def database_users_have_no_passwords(stack: Stack) -> Iterator[str]:
    """Require IAM authentication of service accounts and people, without passwords, in PostgreSQL on Cloud SQL."""
    for instance in stack.all(INSTANCE):
        if not _authenticates_by_iam(instance):
            yield f"{instance.name} has no IAM authentication"
    for user in stack.all("sql/user:User"):
        by_password = all(differs(user["type"], kind) for kind in ("CLOUD_IAM_SERVICE_ACCOUNT", "CLOUD_IAM_USER"))
        if by_password or is_set(user["password"]):
            yield f"{user.name} logs in with a password"


@rule
def the_cache_asks_for_a_password_and_is_private(stack: Stack) -> Iterator[str]:
    """Require a password, and private service access, of instances of Memorystore for Redis."""
    for instance in stack.all("redis/instance:Instance"):
        if not instance["authEnabled"] or differs(instance["connectMode"], "PRIVATE_SERVICE_ACCESS"):
            yield f"{instance.name} can be used without a password, or from outside"


@rule
def buckets_cannot_be_made_public(stack: Stack) -> Iterator[str]:
    """Require that public access is prevented, and access is uniform, in every bucket."""
    for bucket in stack.all("storage/bucket:Bucket"):
        if differs(bucket["publicAccessPrevention"], "enforced") or not bucket["uniformBucketLevelAccess"]:
            yield bucket.name


@rule
def functions_reach_private_addresses_through_the_network(stack: Stack) -> Iterator[str]:
    """Require direct VPC egress of every function."""
    for function in stack.all(FUNCTION):
        if not function["serviceConfig.directVpcNetworkInterfaces"]:
            yield function.name


@rule
def what_leaves_through_the_network_is_listed(stack: Stack) -> Iterator[str]:
    """Require a list that denies all else, and names what it allows, where functions send everything by a network."""
    closed = _has_a_list(stack)
    for function in stack.all(FUNCTION):
        if not differs(function["serviceConfig.directVpcEgress"], ALL_TRAFFIC) and not closed:
            yield f"{function.name} reaches whatever the network leads to"
    for policy in stack.all(FIREWALL):
        for found in entries(policy["rules"]):
            if is_whole(found) and found.get("action") == "allow" and _is_egress(found) and not _is_listed(found):
                yield f"{policy.name} lets out what it does not name: {found.get('description')}"
    for classic in stack.all(CLASSIC):
        if classic["direction"] == "EGRESS" and classic["allows"] and not _names(classic["destinationRanges"]):
            yield f"{classic.name} lets out what it does not name"


@rule
def the_balancer_is_armored_and_takes_modern_tls_only(stack: Stack) -> Iterator[str]:
    """Require Cloud Armor of backend services, and the MODERN profile with TLS 1.2 or newer of HTTPS proxies."""
    for backend in stack.all("compute/backendService:BackendService"):
        if not backend["securityPolicy"]:
            yield f"{backend.name} has no Cloud Armor"
    for policy in stack.all("compute/sSLPolicy:SSLPolicy"):
        if differs(policy["profile"], "MODERN") or differs(policy["minTlsVersion"], "TLS_1_2"):
            yield f"{policy.name} takes old TLS"
    for proxy in stack.all("compute/targetHttpsProxy:TargetHttpsProxy"):
        if not proxy["sslPolicy"]:
            yield f"{proxy.name} has no TLS policy"


def _authenticates_by_iam(instance: Resource) -> bool:
    flags = instance["settings.databaseFlags"]
    if not is_whole(flags):
        return True
    return (IAM_AUTHENTICATION, "on") in {(flag["name"], flag["value"]) for flag in flags or []}


def _has_a_list(stack: Stack) -> bool:
    """Return whether a network has a policy, or a rule of its own, that denies the rest. Yes where none can tell."""
    denying = [policy["name"] for policy in stack.all(FIREWALL) if _denies_the_rest(policy["rules"])]
    return any(
        UNKNOWN in (found["firewallPolicy"], *denying) or found["firewallPolicy"] in denying
        for found in stack.all(ASSOCIATION)
    ) or any(
        found["direction"] in ("EGRESS", UNKNOWN)
        and found["denies"]
        and (not is_whole(found["destinationRanges"]) or ANYWHERE in (found["destinationRanges"] or ()))
        for found in stack.all(CLASSIC)
    )


def _denies_the_rest(rules: Any) -> bool:
    """Say yes of rules that are not known yet."""
    return not is_whole(rules) or any(
        found.get("action") == "deny"
        and _is_egress(found)
        and not found.get("disabled")
        and ANYWHERE in ((found.get("match") or {}).get("destIpRanges") or ())
        and any(layer.get("ipProtocol") == "all" for layer in (found.get("match") or {}).get("layer4Configs") or ())
        for found in entries(rules)
    )


def _is_egress(found: Mapping[str, Any]) -> bool:
    return found.get("direction") == "EGRESS"


def _is_listed(found: Mapping[str, Any]) -> bool:
    """Return whether a rule names hosts, private ranges, or others of at most 65,536 addresses."""
    match = found.get("match") or {}
    ranges = match.get("destIpRanges")
    return _names(ranges) if ranges else bool(match.get("destFqdns") or match.get("destAddressGroups"))


def _names(ranges: Any) -> bool:
    """Return whether ranges are given, private ones or of few addresses. Yes where they are not known."""
    if not is_whole(ranges):
        return True
    networks = [ip_network(one) for one in ranges or ()]
    return bool(networks) and all(one.is_private or one.prefixlen >= WIDEST for one in networks)
