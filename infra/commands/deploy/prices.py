"""What a set of resources costs a month, by the unit prices of docs/cost.md. Traffic and storage are left out."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

DATABASE = "gcp:sql/databaseInstance:DatabaseInstance"
CACHE = "gcp:redis/instance:Instance"
FUNCTION = "gcp:cloudfunctionsv2/function:Function"
FORWARDING = "gcp:compute/globalForwardingRule:GlobalForwardingRule"
SECURITY = "gcp:compute/securityPolicy:SecurityPolicy"
# US dollars a month: of a vCPU, of a GB of memory or disk, of an instance kept warm, of up to five forwarding rules.
VCPU, MEMORY_GB, DISK_GB, WARM, FORWARDED = 30.15, 5.11, 0.17, 9.90, 18.25
CACHE_GB = {"STANDARD_HA": 39.40, "BASIC": 35.80}
POLICY, POLICY_RULE = 5.0, 1.0

Declared = tuple[str, Mapping[str, Any]]


def monthly(resources: Iterable[Declared]) -> float:
    """Return US dollars a month. resources: types with their inputs."""
    listed = list(resources)
    forwarded = FORWARDED if any(type_ == FORWARDING for type_, _ in listed) else 0.0
    return forwarded + sum(price_monthly(type_, inputs) for type_, inputs in listed)


def price_monthly(type_: str, inputs: Mapping[str, Any]) -> float:
    """Return US dollars a month of one resource; 0 for what is priced by use, or together with others."""
    if type_ == DATABASE:
        return _database(inputs["settings"])
    if type_ == CACHE:
        return CACHE_GB.get(str(inputs.get("tier")), 0.0) * float(inputs["memorySizeGb"])
    if type_ == FUNCTION:
        return WARM * float(inputs["serviceConfig"].get("minInstanceCount") or 0)
    if type_ == SECURITY:
        return POLICY + POLICY_RULE * len(inputs.get("rules") or ())
    return 0.0


def _database(settings: Mapping[str, Any]) -> float:
    """A regional instance has a standby, and costs twice. The shared-core tiers have no price here."""
    custom = re.fullmatch(r"db-custom-(\d+)-(\d+)", str(settings["tier"]))
    machine = VCPU * int(custom[1]) + MEMORY_GB * int(custom[2]) / 1024 if custom else 0.0
    copies = 2 if settings.get("availabilityType") == "REGIONAL" else 1
    return copies * (machine + DISK_GB * float(settings.get("diskSize") or 0))
