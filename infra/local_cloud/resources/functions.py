"""Cloud Functions (2nd gen): the uploaded archive, unpacked and run as it would be, behind a URL of its own."""

import asyncio
import hashlib
import io
import re
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local_cloud.errors import DeploymentFailed
from local_cloud.google.cloud_sql.standby import Standby
from local_cloud.google.logging.request_log import RequestLog
from local_cloud.processes.function_process import RESERVED, FunctionProcess, limit_memory
from local_cloud.resources.deployment import FUNCTIONS, Declaration, Deployment, Function, Made, Notice
from local_cloud.resources.registry import handles
from local_cloud.resources.secrets import read_secret
from local_cloud.serving.front_end import FrontEnd

MEMORY = re.compile(r"(\d+(?:\.\d+)?)(M|Mi|G|Gi)")
UNITS = {"M": 10**6, "Mi": 2**20, "G": 10**9, "Gi": 2**30}
DEFAULT_MEMORY = "256M"
DEFAULT_TIMEOUT = 60
PUBLIC_INGRESS = "ALLOW_ALL"


@handles("gcp:cloudfunctionsv2/function:Function")
async def function(deployment: Deployment, declaration: Declaration) -> Made:
    name = declaration.resource_name
    build, service = declaration.inputs["buildConfig"], dict(declaration.inputs.get("serviceConfig") or {})
    await deployment.monitoring.open()
    with deployment.report.step(f"function {name}"):
        declared = _environment(deployment, name, service)
        source = await _unpacked(deployment, name, build["source"]["storageSource"])
        process = FunctionProcess(
            name,
            source,
            environment=await deployment.environments.of(source / "requirements.txt"),
            target=str(build["entryPoint"]),
            declared=declared,
            platform=_platform(deployment, str(service.get("serviceAccountEmail") or "")),
            log=deployment.state.log(name),
        )
        front_end = _front_end(deployment, declaration, service)
        await front_end.open()
        try:
            supervised = await deployment.supervisor.start(process, tier=FUNCTIONS)
        except BaseException:
            await front_end.close()
            raise
    front_end.origin = lambda: process.origin if supervised.serves else None
    account = str(service.get("serviceAccountEmail") or "")
    deployment.locations[f"function/{name}"] = str(declaration.inputs.get("location") or "")
    deployment.functions[name] = Function(front_end, process, supervised, account)
    limit = _bytes(name, str(service.get("availableMemory") or DEFAULT_MEMORY))
    watch = asyncio.create_task(limit_memory(supervised, limit, deployment.report.say))
    deployment.background.add(watch)
    if service.get("ingressSettings", PUBLIC_INGRESS) != PUBLIC_INGRESS:
        notice = Notice(declaration.token, name, f"ingress {service['ingressSettings']}")
        deployment.declared.append(notice)
    location = declaration.inputs.get("location", "")
    return Made(
        id=f"projects/{deployment.project}/locations/{location}/functions/{name}",
        outputs={
            "name": name,
            "url": front_end.url,
            "state": "ACTIVE",
            "environment": "GEN_2",
            "serviceConfig": {
                **service,
                "uri": front_end.url,
                "service": f"projects/{deployment.project}/locations/{location}/services/{name}",
            },
        },
    )


def _front_end(deployment: Deployment, declaration: Declaration, service: Mapping[str, Any]) -> FrontEnd:
    name = declaration.resource_name
    return FrontEnd(
        name,
        deployment.port(f"functions/{name}"),
        audience=f"https://{declaration.inputs.get('location', '')}-{deployment.project}.cloudfunctions.net/{name}",
        concurrency=int(service.get("maxInstanceRequestConcurrency") or 1),
        timeout=float(service.get("timeoutSeconds") or DEFAULT_TIMEOUT),
        bindings=deployment.bindings,
        google=deployment.issuers.google,
        session=deployment.session,
        log=RequestLog(deployment.state.log(f"{name}-requests"), deployment.project),
    )


async def _unpacked(deployment: Deployment, name: str, source: Mapping[str, Any]) -> Path:
    client = await deployment.storage()
    content = await client.download(str(source["bucket"]), str(source["object"]))
    folder = deployment.state.functions / name / hashlib.sha256(content).hexdigest()[:16]
    await asyncio.to_thread(_unpack, content, folder)
    if not (folder / "main.py").exists():
        raise DeploymentFailed(f"the archive of {name} has no main.py")
    if not (folder / "requirements.txt").exists():
        raise DeploymentFailed(f"the archive of {name} has no requirements.txt")
    return folder


def _unpack(content: bytes, folder: Path) -> None:
    """Earlier sources go; the same source is unpacked anew only where it is not whole."""
    for earlier in folder.parent.glob("*"):
        if earlier != folder:
            shutil.rmtree(earlier)
    if folder.exists():
        return
    part = folder.with_suffix(".part")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(part)
    part.rename(folder)


def _environment(deployment: Deployment, name: str, service: Mapping[str, Any]) -> dict[str, str]:
    account = str(service.get("serviceAccountEmail") or "")
    environment = {str(key): str(value) for key, value in (service.get("environmentVariables") or {}).items()}
    for mount in service.get("secretEnvironmentVariables") or []:
        environment[str(mount["key"])] = read_secret(
            deployment, account, str(mount["secret"]), str(mount.get("version") or "latest")
        )
    reserved = environment.keys() & RESERVED
    if reserved:
        raise DeploymentFailed(f"{name} declares {', '.join(sorted(reserved))}, which the platform sets itself")
    return environment


def _platform(deployment: Deployment, account: str) -> dict[str, str]:
    """What leads Google's client libraries to the local parts.

    To storage, to where metrics are written, and to what reads logs and metrics and runs jobs, only where the account
    has a role there.
    """
    platform = {
        "OIDC_GOOGLE_JWKS_URL": deployment.issuers.google.jwks_url,
        "PROCESSES_URL": f"{deployment.base_url}/_local/processes.json",
        "TRACES_ENDPOINT": f"{deployment.google_apis.url}/v1/traces",
    }
    if deployment.bindings.has_role(f"serviceAccount:{account}", "monitoring"):
        platform["CLOUD_MONITORING_ENDPOINT"] = deployment.monitoring.address
    if deployment.bindings.has_role(f"serviceAccount:{account}", "logging"):
        platform["GOOGLE_APIS_ENDPOINT"] = deployment.google_apis.url
    storage = deployment.storage_url()
    if storage is not None and deployment.bindings.has_role(f"serviceAccount:{account}", "storage"):
        platform["STORAGE_EMULATOR_HOST"] = storage
    cloud_sql = deployment.cloud_sql_now()
    if cloud_sql is not None:
        platform["CLOUD_SQL_ADMIN_ENDPOINT"] = cloud_sql.url
        platform["CLOUD_SQL_SOCKETS"] = str(cloud_sql.service.sockets)
    for postgres in deployment.databases.values():
        if not isinstance(postgres, Standby):
            platform["CLOUD_SQL_SOCKET_DIR"] = str(postgres.socket_dir)
    return platform


def _bytes(name: str, memory: str) -> int:
    matched = MEMORY.fullmatch(memory)
    if matched is None:
        raise DeploymentFailed(f"{name}: its memory is {memory!r}; it takes 512M, 1Gi and the like")
    return int(float(matched[1]) * UNITS[matched[2]])
