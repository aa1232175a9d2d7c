"""The newest backup in another region, when the primary's is lost."""

from typing import Any

from commands.errors import CommandFailed
from commands.output import Output
from commands.recover.admin import Admin, Resource
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
    system: Target, admin: Admin, output: Output, *, region: str, into: str | None, backup: str | None
) -> dict[str, Any]:
    """Restore a backup into an instance of another region, and return which. Raises CommandFailed."""
    run = _chosen(admin, system.instance, backup)
    output.line(f"The backup {run['id']} is of {run.get('startTime')}; it lies in {run.get('location')}.")
    name = into or f"{system.instance}-{region}"
    found = admin.find(name)
    if found is None:
        with output.step(f"creating {name} in {region}"):
            admin.create(_like(admin.get(system.instance), name, region))
    elif found["region"] != region:
        raise CommandFailed(f"{name} is in {found['region']}, not in {region}", remedy="Name another one with --into.")
    else:
        admin.refuse_replicas(name)
    with output.step(f"restoring into {name}"):
        admin.restore(name, system.instance, str(run["id"]))
    connection_name = str(admin.get(name)["connectionName"])
    output.line(f"{connection_name} holds everything that was acknowledged before that backup began.")
    return {
        "instance": name,
        "connection_name": connection_name,
        "region": region,
        "backup": str(run["id"]),
        "backup_began": run.get("startTime"),
    }


def _chosen(admin: Admin, instance: str, backup: str | None) -> Resource:
    for run in admin.backups(instance):
        if backup in (None, str(run["id"])):
            return run
    raise CommandFailed(f"{instance} has no backup{f' {backup}' if backup else ''} that succeeded")


def _like(source: Resource, name: str, region: str) -> dict[str, Any]:
    settings = source["settings"]
    return {
        "name": name,
        "region": region,
        "databaseVersion": source["databaseVersion"],
        "settings": {field: settings[field] for field in KEPT_SETTINGS if field in settings},
    }
