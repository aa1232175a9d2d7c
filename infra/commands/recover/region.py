"""The newest backup in another region, when the primary's is lost."""

from typing import Any

from commands.recover.admin import Admin, Resource
from commands.recover.errors import RecoveryFailed
from commands.recover.steps import Steps
from commands.recover.target import Target

KEPT_SETTINGS = (
    "tier",
    "edition",
    "availabilityType",
    "dataDiskSizeGb",
    "dataDiskType",
    "ipConfiguration",
    "databaseFlags",
    "userLabels",
    "backupConfiguration",
)


def recover_region(
    system: Target, admin: Admin, steps: Steps, *, region: str, into: str | None, backup: str | None
) -> None:
    """Raises RecoveryFailed."""
    run = _chosen(admin, system.instance, backup)
    steps.say(f"The backup {run['id']} is of {run.get('startTime')}; it lies in {run.get('location')}.")
    name = into or f"{system.instance}-{region}"
    found = admin.find(name)
    if found is None:
        with steps.step(f"creating {name} in {region}"):
            admin.create(_like(admin.get(system.instance), name, region))
    elif found["region"] != region:
        raise RecoveryFailed(f"{name} is in {found['region']}, not in {region}; name another with --into")
    else:
        admin.refuse_replicas(name)
    with steps.step(f"restoring into {name}"):
        admin.restore(name, system.instance, str(run["id"]))
    steps.say(f"{admin.get(name)['connectionName']} holds everything that was acknowledged before that backup began.")


def _chosen(admin: Admin, instance: str, backup: str | None) -> Resource:
    for run in admin.backups(instance):
        if backup in (None, str(run["id"])):
            return run
    raise RecoveryFailed(f"{instance} has no backup{f' {backup}' if backup else ''} that succeeded")


def _like(source: Resource, name: str, region: str) -> dict[str, Any]:
    settings = source["settings"]
    return {
        "name": name,
        "region": region,
        "databaseVersion": source["databaseVersion"],
        "settings": {field: settings[field] for field in KEPT_SETTINGS if field in settings},
    }
