"""What the benchmarks of CIS and Google's own advice ask for; each control is listed in docs/security.md."""

import functools
import importlib
import inspect
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from tests.infra.deployment import Deployment
from tests.infra.policies.rule import rule

# Where each type that takes a key of the customer's takes it, and which of the two: that of the stack's region, or of
# the buckets'.
ENCRYPTED = {
    "sql/databaseInstance:DatabaseInstance": {"encryptionKeyName": "kmsKey"},
    "redis/instance:Instance": {"customerManagedKey": "kmsKey"},
    "artifactregistry/repository:Repository": {"kmsKeyName": "kmsKey"},
    "cloudfunctionsv2/function:Function": {"kmsKeyName": "kmsKey"},
    "logging/projectBucketConfig:ProjectBucketConfig": {"cmekSettings.kmsKeyName": "kmsKey"},
    "storage/bucket:Bucket": {"encryption.defaultKmsKeyName": "backupKmsKey"},
    "bigquery/dataset:Dataset": {"defaultEncryptionConfiguration.kmsKeyName": "backupKmsKey"},
    "secretmanager/secret:Secret": {
        "replication.userManaged.replicas.0.customerManagedEncryption.kmsKeyName": "kmsKey",
        "replication.userManaged.replicas.1.customerManagedEncryption.kmsKeyName": "backupKmsKey",
    },
}
# Those that have a field for a key, and why it is left to another one.
BY_ANOTHER = {
    "storage/bucketObject:BucketObject": "its bucket's key encrypts it",
    "bigquery/table:Table": "views and external tables hold nothing; the dataset's key encrypts answers",
}
KEY_FIELD = re.compile(r"(\w+_)?kms_key(_name)?|encryption_key_name|customer_managed_key")
INSTANCE = "sql/databaseInstance:DatabaseInstance"
CRYPTO_GRANT = "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember"
AGENT = re.compile(
    r"serviceAccount:[\w.-]+@(gcp-sa-[\w-]+|gs-project-accounts|bigquery-encryption)\.iam\.gserviceaccount\.com"
)
FIREWALL = "compute/networkFirewallPolicyWithRules:NetworkFirewallPolicyWithRules"
ASSOCIATION = "compute/networkFirewallPolicyAssociation:NetworkFirewallPolicyAssociation"
# private.googleapis.com, as Google documents it; the ports of Cloud SQL's connectors and of Memorystore.
GOOGLE_RANGE = "199.36.153.8/30"
SERVICE_PORTS = ("3307", "6378", "6379")
LOGGED = {"log_connections": "on", "log_disconnections": "on", "log_statement": "ddl"}


@rule
def nobody_connects_to_the_database_past_iam(deployment: Deployment) -> Iterator[str]:
    wanted = "REQUIRED" if deployment.setting("databaseConnectorEnforced") != "false" else "NOT_REQUIRED"
    for instance in deployment.all(INSTANCE):
        if instance["settings.connectorEnforcement"] != wanted:
            yield f"{instance.name} takes connections that no connector has made"


@rule
def the_database_logs_who_comes_and_what_is_defined(deployment: Deployment) -> Iterator[str]:
    for instance in deployment.all(INSTANCE):
        flags = {flag["name"]: flag["value"] for flag in instance["settings.databaseFlags"]}
        yield from (
            f"{instance.name}: {name} is not {value}" for name, value in LOGGED.items() if flags.get(name) != value
        )


@rule
def traffic_and_names_are_logged_where_that_is_configured(deployment: Deployment) -> Iterator[str]:
    for subnetwork in deployment.all("compute/subnetwork:Subnetwork"):
        if deployment.setting("flowLogs") == "true" and not subnetwork["logConfig"]:
            yield f"{subnetwork.name} has no flow logs"
    logged = {
        network["networkUrl"]
        for policy in deployment.all("dns/policy:Policy")
        if policy["enableLogging"]
        for network in policy["networks"]
    }
    for network in deployment.all("compute/network:Network"):
        if deployment.setting("dnsLogs") == "true" and f"{network.name}-id" not in logged:
            yield f"{network.name} has no DNS logs"


@rule
def images_are_scanned_where_that_is_configured(deployment: Deployment) -> Iterator[str]:
    enabled = {found["service"] for found in deployment.all("projects/service:Service")}
    if (deployment.setting("containerScanning") == "true") != ("containerscanning.googleapis.com" in enabled):
        yield "container scanning is not what was configured"


@rule
def the_log_bucket_is_locked_where_that_is_configured(deployment: Deployment) -> Iterator[str]:
    for bucket in deployment.all("logging/projectBucketConfig:ProjectBucketConfig"):
        if not bucket.name.endswith("-audit"):
            continue
        if bool(bucket["locked"]) != (deployment.setting("logsLocked") == "true"):
            yield f"{bucket.name}: locked {bucket['locked']}"
        if bucket["project"] != (deployment.setting("logsProject") or deployment.setting("gcp:project")):
            yield f"{bucket.name} is in the project {bucket['project']}"


@rule
def cloud_armor_looks_into_json_and_learns(deployment: Deployment) -> Iterator[str]:
    for policy in deployment.all("compute/securityPolicy:SecurityPolicy"):
        if policy["advancedOptionsConfig.jsonParsing"] != "STANDARD":
            yield f"{policy.name} does not look into JSON"
        if not policy["adaptiveProtectionConfig.layer7DdosDefenseConfig.enable"]:
            yield f"{policy.name} has no adaptive protection"


@rule
def cloud_armor_refuses_attacks_but_in_free_text(deployment: Deployment) -> Iterator[str]:
    logged_only = deployment.setting("armorEnforced") == "false"
    for policy in deployment.all("compute/securityPolicy:SecurityPolicy"):
        attacks = [rule for rule in policy["rules"] if "evaluatePreconfiguredWaf" in json.dumps(rule)]
        if {attack in json.dumps(attacks) for attack in ("sqli", "xss", "rce")} != {True}:
            yield f"{policy.name} looks for {len(attacks)} attacks"
        for found in attacks:
            if bool(found.get("preview")) != logged_only or found["action"] != "deny(403)":
                yield f"{policy.name} only logs {found['description']}"
            if '"comment"' not in json.dumps(found["preconfiguredWafConfig"]["exclusions"]):
                yield f"{policy.name} refuses comments by {found['description']}"


@rule
def keys_of_the_deployment_expire_where_that_is_configured(deployment: Deployment) -> Iterator[str]:
    (version,) = (
        found
        for found in deployment.all("secretmanager/secretVersion:SecretVersion")
        if found.name.endswith("-deployment-keys")
    )
    days = int(deployment.setting("deploymentKeyDays"))
    for key in json.loads(version["secretData"]):
        if not days and key["expires_at"] is None:
            continue
        left = datetime.fromisoformat(key["expires_at"] or "9999-12-31T00:00:00Z") - datetime.now(UTC)
        if not timedelta(days=days) <= left <= timedelta(days=2 * days):
            yield f"{key['name']} ends in {left}"


@rule
def what_can_take_a_key_has_it(deployment: Deployment) -> Iterator[str]:
    for type_, fields in ENCRYPTED.items():
        for found in deployment.all(type_):
            for path, setting in fields.items():
                key = deployment.setting(setting) or None
                if _entry(found.inputs, path) != key and not found["masterInstanceName"]:
                    yield f"{found.name}: {path} is not {setting}"
                earlier = deployment.before(found)
                if key and not any(one.type == CRYPTO_GRANT and one["cryptoKeyId"] == key for one in earlier):
                    yield f"{found.name} does not wait for the right to use {setting}"


@rule
def no_type_with_a_field_for_a_key_is_left_out(deployment: Deployment) -> Iterator[str]:
    """By the provider's own SDK: a type that is new here says by this where its key is, or why it has none."""
    for type_ in sorted({found.type for found in deployment.google()}):
        short = type_.removeprefix("gcp:")
        if takes_key(type_) and short not in ENCRYPTED.keys() | BY_ANOTHER.keys():
            yield f"{short} can be encrypted by a key of the customer's"


@rule
def google_agents_alone_may_use_the_keys(deployment: Deployment) -> Iterator[str]:
    for grant in deployment.all("kms/cryptoKeyIAMMember:CryptoKeyIAMMember"):
        if grant["role"] != "roles/cloudkms.cryptoKeyEncrypterDecrypter" or not AGENT.fullmatch(grant["member"]):
            yield f"{grant.name} gives {grant['role']} to {grant['member']}"


@functools.cache
def takes_key(type_: str) -> bool:
    """Whether a type of Google's provider has a field for a key, at any depth of its inputs."""
    module, _, name = type_.removeprefix("gcp:").partition("/")
    known = vars(importlib.import_module(f"pulumi_gcp.{module}"))
    return _has_key_field(known[f"{name.partition(':')[2]}Args"], known, set())


def _has_key_field(arguments: type, known: Mapping[str, Any], seen: set[str]) -> bool:
    seen.add(arguments.__name__)
    for name, parameter in inspect.signature(arguments).parameters.items():
        if KEY_FIELD.fullmatch(name):
            return True
        for inner in re.findall(r"\w+Args\b", str(parameter.annotation)):
            if inner in known and inner not in seen and _has_key_field(known[inner], known, seen):
                return True
    return False


def _entry(inputs: Any, path: str) -> Any:
    """Return an input by its path, in which a number is a place in a list that has one for each of the two regions."""
    for key in path.split("."):
        if inputs is None:
            return None
        inputs = inputs[int(key)] if isinstance(inputs, list) else inputs.get(key)
    return inputs


@rule
def functions_reach_what_is_listed_where_that_is_configured(deployment: Deployment) -> Iterator[str]:
    policies = deployment.all(FIREWALL)
    if deployment.setting("egressListed") == "false":
        yield from (f"{found.name} lists what nobody asked for" for found in policies)
        return
    listed = {
        (entry, port)
        for policy in policies
        for found in policy["rules"]
        if found["action"] == "allow"
        for layer in found["match"]["layer4Configs"]
        for port in layer.get("ports") or ["every port"]
        for entry in (*(found["match"].get("destIpRanges") or ()), *(found["match"].get("destFqdns") or ()))
    }
    hosts = {*json.loads(deployment.setting("egressHosts")), *_key_hosts(deployment)}
    wanted = {
        (GOOGLE_RANGE, "443"),
        *((deployment.setting("servicesRange"), port) for port in SERVICE_PORTS),
        *((host, "443") for host in hosts),
    }
    for network in deployment.all("compute/network:Network"):
        if network["networkFirewallPolicyEnforcementOrder"] != "BEFORE_CLASSIC_FIREWALL":
            yield f"rules of {network.name}'s firewall come before the list"
    yield from (f"functions may reach {entry}" for entry in listed - wanted)
    yield from (f"functions may not reach {entry}" for entry in wanted - listed)
    for function in deployment.all("cloudfunctionsv2/function:Function"):
        if function["serviceConfig.directVpcEgress"] != "VPC_EGRESS_ALL_TRAFFIC":
            yield f"{function.name} has a way beside the network"
        earlier = {found.type.removeprefix("gcp:") for found in deployment.before(function)}
        if not {ASSOCIATION, "dns/recordSet:RecordSet"} <= earlier:
            yield f"{function.name} may start before the list holds, or before names lead to Google's addresses"
    if bool(deployment.all("compute/routerNat:RouterNat")) != bool(hosts):
        yield "there is a way to the internet without need, or none where one is needed"


@rule
def names_of_google_lead_to_addresses_that_are_listed(deployment: Deployment) -> Iterator[str]:
    if deployment.setting("egressListed") == "false":
        return
    records = {(found["name"], found["type"]): found["rrdatas"] for found in deployment.all("dns/recordSet:RecordSet")}
    for domain in ("googleapis.com.", "run.app."):
        (target,) = records.get((f"*.{domain}", "CNAME")) or [""]
        addresses = records.get((target, "A")) or []
        if len(addresses) < 4 or not all(ip_address(one) in ip_network(GOOGLE_RANGE) for one in addresses):
            yield f"{domain} leads to {addresses}"
    for zone in deployment.all("dns/managedZone:ManagedZone"):
        if zone["visibility"] != "private" or not zone["privateVisibilityConfig.networks"]:
            yield f"{zone.name} is no zone of the network"


def _key_hosts(deployment: Deployment) -> set[str]:
    host = urlsplit(deployment.setting("userJwksUrl")).hostname if deployment.setting("userJwksUrl") else None
    return {host} if host else set()


CHANGES = {"rights-changed", "audit-changed", "network-changed", "bucket-rights-changed"}


@rule
def changes_set_off_alerts(deployment: Deployment) -> Iterator[str]:
    found = {
        policy["userLabels"]["alert"]
        for policy in deployment.all("monitoring/alertPolicy:AlertPolicy")
        if policy["conditions"][0].get("conditionMatchedLog")
    }
    wanted = {"database-changed", "admin-key-made"} | (CHANGES if deployment.setting("auditLogs") == "true" else set())
    yield from (f"there is no alert {slug}" for slug in wanted - found)
