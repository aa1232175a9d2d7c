"""Cloud Storage: buckets and objects of fake-gcs-server; the rules of a bucket are applied, and shown."""

import hashlib
from collections.abc import Mapping
from typing import Any

from local_cloud.errors import DeploymentFailed
from local_cloud.google.lifecycle import BucketRules, UnknownCondition
from local_cloud.pulumi.archive import build_zip, read_asset
from local_cloud.pulumi.declaration import CreatedResource, Declaration
from local_cloud.pulumi.values import PulumiArchive, PulumiAsset
from local_cloud.resources.cloud import LocalCloud
from local_cloud.resources.registry import handles


@handles("gcp:storage/bucket:Bucket")
async def bucket(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Make a bucket, and record its rules. Raises DeploymentFailed for one that is not known here."""
    inputs = declaration.inputs
    name = declaration.resource_name
    client = await cloud.google.storage.client()
    # Without versioning, which fake-gcs-server does not have on a file system.
    await client.ensure_bucket(cloud.project, {"name": name, "location": str(inputs["location"])})
    try:
        cloud.google.storage.rules[name] = BucketRules.from_inputs(inputs)
    except UnknownCondition as unknown:
        raise DeploymentFailed(f"the bucket {name}: its lifecycle has {unknown}, which is not known here") from None
    cloud.google.storage.buckets[name] = _describe_rules(inputs)
    return CreatedResource(
        id=name,
        outputs={"name": name, "url": f"gs://{name}", "selfLink": f"{client.url}/storage/v1/b/{name}"},
    )


@handles("gcp:storage/bucketObject:BucketObject")
async def bucket_object(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Upload an object."""
    inputs = declaration.inputs
    name, bucket_name = declaration.resource_name, str(inputs["bucket"])
    if bucket_name not in cloud.google.storage.buckets:
        raise DeploymentFailed(f"the object {name}: there is no bucket {bucket_name}")
    client = await cloud.google.storage.client()
    content = _read_content(cloud, declaration)
    metadata = await client.upload(
        bucket_name, name, content, str(inputs.get("contentType") or "application/octet-stream")
    )
    return CreatedResource(
        id=f"{bucket_name}-{name}",
        outputs={
            "name": name,
            "outputName": name,
            "md5hash": metadata.get("md5Hash"),
            "md5hexhash": hashlib.md5(content, usedforsecurity=False).hexdigest(),
            "crc32c": metadata.get("crc32c"),
            "generation": int(metadata.get("generation", 0)),
            "selfLink": metadata.get("selfLink"),
            "mediaLink": metadata.get("mediaLink"),
        },
    )


def _read_content(cloud: LocalCloud, declaration: Declaration) -> bytes:
    source = declaration.inputs.get("source")
    if isinstance(source, PulumiArchive):
        return build_zip(source, cloud.program)
    if isinstance(source, PulumiAsset):
        return read_asset(source, cloud.program)
    content = declaration.inputs.get("content")
    if content is None:
        raise DeploymentFailed(f"the object {declaration.name} has neither a source nor a content")
    return str(content).encode()


def _describe_rules(inputs: Mapping[str, Any]) -> list[str]:
    rules = []
    if (inputs.get("versioning") or {}).get("enabled"):
        rules.append("versioned in the cloud only")
    retention = inputs.get("retentionPolicy")
    if retention:
        rules.append(f"kept {int(retention['retentionPeriod']) // 86400} days")
    for rule in inputs.get("lifecycleRules") or []:
        action = rule["action"]
        target = f" to {action['storageClass']}" if "storageClass" in action else ""
        conditions = ", ".join(f"{key} {value}" for key, value in rule["condition"].items())
        rules.append(f"{action['type']}{target} when {conditions}")
    return rules
