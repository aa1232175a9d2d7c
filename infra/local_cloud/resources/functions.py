"""Cloud Functions (2nd gen): the uploaded archive, unpacked and run as it would be, behind a URL of its own."""

import asyncio
import hashlib
import io
import re
import shutil
import zipfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from local_cloud.errors import DeploymentFailed
from local_cloud.google.logging.request_log import RequestLog
from local_cloud.google.monitored_resources import function_resource
from local_cloud.processes.function_process import RESERVED, FunctionProcess, limit_memory
from local_cloud.processes.supervisor import Health, Tier
from local_cloud.pulumi.declaration import CreatedResource, Declaration
from local_cloud.resources.cloud import LocalCloud
from local_cloud.resources.registry import handles
from local_cloud.serving.front_end import FrontEnd
from local_cloud.serving.functions import DeployedFunction
from local_cloud.serving.proxy import open_session

MEMORY = re.compile(r"(\d+(?:\.\d+)?)(M|Mi|G|Gi)")
UNITS = {"M": 10**6, "Mi": 2**20, "G": 10**9, "Gi": 2**30}
DEFAULT_MEMORY = "256M"
DEFAULT_TIMEOUT = 60
PUBLIC_INGRESS = "ALLOW_ALL"


@handles("gcp:cloudfunctionsv2/function:Function")
async def function(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Run the uploaded source behind a front end."""
    name = declaration.resource_name
    build, service = declaration.inputs["buildConfig"], dict(declaration.inputs.get("serviceConfig") or {})
    await cloud.google.monitoring.open()
    with cloud.report.step(f"function {name}"):
        declared = _read_environment(cloud, name, service)
        source = await _fetch_source(cloud, name, build["source"]["storageSource"])
        process = FunctionProcess(
            name,
            source,
            listens=cloud.processes.sockets.path(name),
            environment=await cloud.processes.environments.ensure(source / "requirements.txt"),
            target=str(build["entryPoint"]),
            declared=declared,
            platform=_list_endpoints(cloud, str(service.get("serviceAccountEmail") or "")),
            log=cloud.state.log(name),
        )
        front_end = _make_front_end(cloud, declaration, service, open_session(process.socket))
        await front_end.open()
        try:
            supervised = await cloud.processes.supervisor.start(process, tier=Tier.FUNCTION)
        except BaseException:
            await front_end.close()
            raise
    front_end.serves = lambda: supervised.serves
    front_end.rests = lambda: supervised.health is Health.RESTING
    front_end.wake = partial(cloud.processes.supervisor.wake, supervised)
    location = str(declaration.inputs.get("location") or "")
    resource = function_resource(cloud.project, location, name, process.revision)
    cloud.endpoints.functions[name] = DeployedFunction(front_end, supervised, resource)
    cloud.google.log_sources.add_function(resource, process.log, _request_log_path(cloud, name))
    limit = _parse_memory(name, str(service.get("availableMemory") or DEFAULT_MEMORY))
    cloud.processes.background.hold(limit_memory(supervised, limit, front_end.unused_for, cloud.report.say))
    if service.get("ingressSettings", PUBLIC_INGRESS) != PUBLIC_INGRESS:
        cloud.note(declaration.token, name, f"ingress {service['ingressSettings']}")
    return CreatedResource(
        id=f"projects/{cloud.project}/locations/{location}/functions/{name}",
        outputs={
            "name": name,
            "url": front_end.url,
            "state": "ACTIVE",
            "environment": "GEN_2",
            "serviceConfig": {
                **service,
                "uri": front_end.url,
                "service": f"projects/{cloud.project}/locations/{location}/services/{name}",
            },
        },
    )


def _make_front_end(
    cloud: LocalCloud, declaration: Declaration, service: Mapping[str, Any], session: aiohttp.ClientSession
) -> FrontEnd:
    name = declaration.resource_name
    return FrontEnd(
        name,
        cloud.processes.ports.allocate(f"functions/{name}"),
        audience=f"https://{declaration.inputs.get('location', '')}-{cloud.project}.cloudfunctions.net/{name}",
        concurrency=int(service.get("maxInstanceRequestConcurrency") or 1),
        timeout=float(service.get("timeoutSeconds") or DEFAULT_TIMEOUT),
        bindings=cloud.google.bindings,
        google=cloud.google.issuers.google,
        session=session,
        log=RequestLog(_request_log_path(cloud, name), cloud.project),
    )


def _request_log_path(cloud: LocalCloud, name: str) -> Path:
    return cloud.state.log(f"{name}-requests")


async def _fetch_source(cloud: LocalCloud, name: str, source: Mapping[str, Any]) -> Path:
    client = await cloud.google.storage.client()
    content = await client.download(str(source["bucket"]), str(source["object"]))
    folder = cloud.state.functions / name / hashlib.sha256(content).hexdigest()[:16]
    await asyncio.to_thread(_unpack, content, folder)
    if not (folder / "main.py").exists():
        raise DeploymentFailed(f"the archive of {name} has no main.py")
    if not (folder / "requirements.txt").exists():
        raise DeploymentFailed(f"the archive of {name} has no requirements.txt")
    return folder


def _unpack(content: bytes, folder: Path) -> None:
    """Unpack the source unless it is there, and remove earlier ones."""
    for earlier in folder.parent.glob("*"):
        if earlier != folder:
            shutil.rmtree(earlier)
    if folder.exists():
        return
    part = folder.with_suffix(".part")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(part)
    part.rename(folder)


def _read_environment(cloud: LocalCloud, name: str, service: Mapping[str, Any]) -> dict[str, str]:
    account = str(service.get("serviceAccountEmail") or "")
    environment = {str(key): str(value) for key, value in (service.get("environmentVariables") or {}).items()}
    for mount in service.get("secretEnvironmentVariables") or []:
        environment[str(mount["key"])] = cloud.google.secrets.access(
            account, str(mount["secret"]), str(mount.get("version") or "latest")
        )
    reserved = environment.keys() & RESERVED
    if reserved:
        raise DeploymentFailed(f"{name} declares {', '.join(sorted(reserved))}, which the platform sets itself")
    return environment


def _list_endpoints(cloud: LocalCloud, account: str) -> dict[str, str]:
    """Return what leads Google's client libraries to the local parts.

    To storage, to where metrics are written, and to what reads logs and metrics and runs jobs, only if the account has
    a role there.
    """
    platform = {
        "OIDC_GOOGLE_JWKS_URL": cloud.google.issuers.google.jwks_url,
        "PROCESSES_URL": f"{cloud.endpoints.base_url}/_local/processes.json",
        "TRACES_ENDPOINT": f"{cloud.endpoints.apis.url}/v1/traces",
    }
    if cloud.google.bindings.has_role(f"serviceAccount:{account}", "monitoring"):
        platform["CLOUD_MONITORING_ENDPOINT"] = cloud.google.monitoring.address
    if cloud.google.bindings.has_role(f"serviceAccount:{account}", "logging"):
        platform["GOOGLE_APIS_ENDPOINT"] = cloud.endpoints.apis.url
        # Of this stack only, whose owner opens the console that offers them.
        platform["LOCAL_CREDENTIALS"] = str(cloud.state.stack_file)
    storage = cloud.google.storage.url
    if storage is not None and cloud.google.bindings.has_role(f"serviceAccount:{account}", "storage"):
        platform["STORAGE_EMULATOR_HOST"] = storage
    if cloud.google.cloud_sql.service is not None:
        platform["CLOUD_SQL_ADMIN_ENDPOINT"] = cloud.endpoints.apis.url + cloud.google.api_callers.path(account)
        platform["CLOUD_SQL_SOCKETS"] = str(cloud.google.cloud_sql.service.sockets)
    for postgres in cloud.google.cloud_sql.primaries:
        platform["CLOUD_SQL_SOCKET_DIR"] = str(postgres.socket_dir)
    return platform


def _parse_memory(name: str, memory: str) -> int:
    matched = MEMORY.fullmatch(memory)
    if matched is None:
        raise DeploymentFailed(f"{name}: its memory is {memory!r}; it takes 512M, 1Gi and the like")
    return int(float(matched[1]) * UNITS[matched[2]])
