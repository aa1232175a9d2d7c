"""What the benchmarks of CIS and Google's own advice ask for; each control is listed in docs/security.md."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from tests.infra.deployment import Deployment
from tests.infra.policies.rule import rule

# What takes a key of the stack's region, and where.
ENCRYPTED = (
    ("sql/databaseInstance:DatabaseInstance", "encryptionKeyName"),
    ("redis/instance:Instance", "customerManagedKey"),
    ("artifactregistry/repository:Repository", "kmsKeyName"),
)
INSTANCE = "sql/databaseInstance:DatabaseInstance"
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
def what_can_take_the_key_has_it(deployment: Deployment) -> Iterator[str]:
    key = deployment.setting("kmsKey") or None
    for type_, path in ENCRYPTED:
        for found in deployment.all(type_):
            if found[path] != key and not found["masterInstanceName"]:
                yield f"{found.name} is encrypted by {found[path]}"
            grants = [one for one in deployment.before(found) if one.type.endswith(":CryptoKeyIAMMember")]
            if key and not grants:
                yield f"{found.name} does not wait for the right to use its key"


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
