"""Cloud Scheduler jobs."""

import base64
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import croniter

from local_cloud.errors import DeploymentFailed
from local_cloud.google.scheduler.scheduler import JobSpec, Retries
from local_cloud.pulumi.declaration import CreatedResource, Declaration
from local_cloud.resources.cloud import LocalCloud
from local_cloud.resources.registry import handles


@handles("gcp:cloudscheduler/job:Job")
async def job(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Fire a job on its cron once the system is up."""
    inputs = declaration.inputs
    name = declaration.resource_name
    target: Mapping[str, Any] | None = inputs.get("httpTarget")
    if target is None:
        raise DeploymentFailed(f"the job {name}: the local deployer fires HTTP targets only")
    path = f"projects/{cloud.project}/locations/{inputs.get('region', '')}/jobs/{name}"
    if target.get("oauthToken"):
        # A call of Google's own APIs, which are not here.
        cloud.note(declaration.token, name, f"the job {name}")
        return CreatedResource(id=path, outputs={"name": name, "state": "ENABLED"})
    token: Mapping[str, Any] = target.get("oidcToken") or {}
    spec = JobSpec(
        name=name,
        cron=_check_cron(name, str(inputs["schedule"])),
        zone=_check_zone(name, str(inputs.get("timeZone") or "Etc/UTC")),
        url=str(target["uri"]),
        method=str(target.get("httpMethod") or "POST"),
        headers={str(key): str(value) for key, value in (target.get("headers") or {}).items()},
        body=base64.b64decode(str(target.get("body") or "")),
        account=token.get("serviceAccountEmail"),
        audience=token.get("audience"),
        deadline=_parse_seconds(inputs.get("attemptDeadline"), 180.0),
        retries=_read_retries(inputs.get("retryConfig") or {}),
        paused=bool(inputs.get("paused")),
        location=str(inputs.get("region") or ""),
        description=str(inputs.get("description") or ""),
    )
    cloud.google.scheduler.add(spec)
    return CreatedResource(id=path, outputs={"name": name, "state": "PAUSED" if spec.paused else "ENABLED"})


def _check_cron(name: str, schedule: str) -> str:
    if not croniter.is_valid(schedule) or len(schedule.split()) != 5:
        raise DeploymentFailed(f"the job {name}: its schedule {schedule!r} is no cron of five fields")
    return schedule


def _check_zone(name: str, zone: str) -> str:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise DeploymentFailed(f"the job {name}: there is no time zone {zone!r}") from None
    return zone


def _read_retries(config: Mapping[str, Any]) -> Retries:
    default = Retries()
    return Retries(
        count=int(config.get("retryCount", default.count)),
        longest_total=_parse_seconds(config.get("maxRetryDuration"), default.longest_total),
        first_wait=_parse_seconds(config.get("minBackoffDuration"), default.first_wait),
        longest_wait=_parse_seconds(config.get("maxBackoffDuration"), default.longest_wait),
        doublings=int(config.get("maxDoublings", default.doublings)),
    )


def _parse_seconds(duration: object, default: float) -> float:
    """Return the seconds of a duration in Google's form: 3.5s."""
    return default if duration is None else float(str(duration).removesuffix("s"))
