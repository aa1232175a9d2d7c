"""What keeps the bill within what was meant."""

from collections.abc import Iterator

from utxoiq_policies.rule import Stack, rule
from utxoiq_policies.values import entries, is_whole


@rule
def no_function_scales_without_bound(stack: Stack) -> Iterator[str]:
    """Require a highest number of instances, and a timeout, of every function."""
    for function in stack.all("cloudfunctionsv2/function:Function"):
        if not function["serviceConfig.maxInstanceCount"] or not function["serviceConfig.timeoutSeconds"]:
            yield function.name


@rule
def the_disk_grows_by_itself_and_never_by_plan(stack: Stack) -> Iterator[str]:
    """Require disks of Cloud SQL that grow by themselves."""
    for instance in stack.all("sql/databaseInstance:DatabaseInstance"):
        if not instance["settings.diskAutoresize"]:
            yield f"{instance.name} fills up"


@rule
def old_versions_and_images_go(stack: Stack) -> Iterator[str]:
    """Require that old versions of objects, and old images, are deleted by age."""
    for bucket in stack.all("storage/bucket:Bucket"):
        rules = bucket["lifecycleRules"]
        conditions = [found["condition"] for found in entries(rules) if found.get("condition")]
        if is_whole(rules) and not any(condition.get("daysSinceNoncurrentTime") for condition in conditions):
            yield f"{bucket.name} keeps old versions for ever"
    for repository in stack.all("artifactregistry/repository:Repository"):
        policies = repository["cleanupPolicies"]
        if is_whole(policies) and not any(found.get("action") == "DELETE" for found in policies or []):
            yield f"{repository.name} keeps images for ever"


@rule
def unfinished_uploads_go(stack: Stack) -> Iterator[str]:
    """Require that what an upload left half done goes by itself: who may only create objects cannot delete it."""
    for bucket in stack.all("storage/bucket:Bucket"):
        rules = bucket["lifecycleRules"]
        actions = [(found.get("action") or {}).get("type") for found in entries(rules) if is_whole(found)]
        if is_whole(rules) and "AbortIncompleteMultipartUpload" not in actions:
            yield f"{bucket.name} keeps what an upload left half done"
