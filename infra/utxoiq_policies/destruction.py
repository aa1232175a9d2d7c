"""Who may destroy what is kept so that nothing is lost: backups, and objects of buckets."""

from collections.abc import Iterator

from utxoiq_policies.rule import Resource, Stack, rule
from utxoiq_policies.values import UNKNOWN, is_whole

FUNCTION = "cloudfunctionsv2/function:Function"
# The accounts by which instances of Cloud SQL reach buckets.
INSTANCE_AGENTS = "@gcp-sa-cloud-sql.iam.gserviceaccount.com"
GRANTS = (
    "projects/iAMMember:IAMMember",
    "projects/iAMBinding:IAMBinding",
    "storage/bucketIAMMember:BucketIAMMember",
    "storage/bucketIAMBinding:BucketIAMBinding",
)
# What deletes a backup or an object, makes it expire, or lets its holder do so.
DESTROYING = frozenset(
    {
        "cloudsql.backupRuns.delete",
        "cloudsql.backupRuns.update",
        "storage.objects.delete",
        "storage.objects.update",
        "storage.objects.overrideUnlockedRetention",
        "storage.buckets.delete",
        "storage.buckets.update",
        "storage.objects.setIamPolicy",
        "storage.buckets.setIamPolicy",
        "resourcemanager.projects.setIamPolicy",
        "iam.roles.update",
        "iam.serviceAccounts.setIamPolicy",
        "iam.serviceAccounts.getAccessToken",
        "iam.serviceAccounts.actAs",
    }
)
# Google's own roles that hold none of these. A role that is not here counts as one that does.
HARMLESS = frozenset(
    {
        "roles/artifactregistry.reader",
        "roles/bigquery.dataViewer",
        "roles/bigquery.jobUser",
        "roles/cloudsql.client",
        "roles/cloudsql.instanceUser",
        "roles/cloudsql.viewer",
        "roles/cloudtrace.agent",
        "roles/cloudtrace.user",
        "roles/logging.logWriter",
        "roles/logging.viewAccessor",
        "roles/logging.viewer",
        "roles/monitoring.metricWriter",
        "roles/monitoring.viewer",
        "roles/redis.dbConnectionUser",
        "roles/run.invoker",
        "roles/secretmanager.secretAccessor",
        "roles/storage.objectCreator",
        "roles/storage.objectViewer",
    }
)


@rule
def nobody_who_serves_may_destroy_backups_or_objects(stack: Stack) -> Iterator[str]:
    """Refuse rights to delete backups, or objects of buckets, of functions and of database instances.

    A function that nobody but Cloud Scheduler can call may have them: a keeper.
    """
    permissions = _read_role_permissions(stack)
    serving = {f"serviceAccount:{email}" for email in _function_accounts(stack)}
    keepers = {f"serviceAccount:{email}" for email in _keepers(stack)}
    for grant in (found for type_ in GRANTS for found in stack.all(type_)):
        role = grant["role"]
        for member in _members(grant):
            serves = member in serving - keepers or member.endswith(INSTANCE_AGENTS)
            if role is UNKNOWN or not serves:
                continue
            destroying = permissions.get(str(role), frozenset() if role in HARMLESS else DESTROYING) & DESTROYING
            if destroying:
                yield f"{grant.name} gives {member} {role}, and with it {', '.join(sorted(destroying))}"


def _read_role_permissions(stack: Stack) -> dict[str, frozenset[str]]:
    """Return what the stack's own roles hold, by the name that grants call them by."""
    roles = stack.all("projects/iAMCustomRole:IAMCustomRole")
    return {
        f"projects/{role['project']}/roles/{role['roleId']}": frozenset(role["permissions"] or ())
        for role in roles
        if is_whole(role["permissions"]) and role["roleId"] is not UNKNOWN
    }


def _members(grant: Resource) -> set[str]:
    listed = [grant["member"], *(grant["members"] if is_whole(grant["members"]) and grant["members"] else ())]
    return {str(member) for member in listed if member and member is not UNKNOWN}


def _function_accounts(stack: Stack) -> set[str]:
    accounts = (function["serviceConfig.serviceAccountEmail"] for function in stack.all(FUNCTION))
    return {str(account) for account in accounts if account and account is not UNKNOWN}


def _keepers(stack: Stack) -> Iterator[str]:
    """Yield the accounts of functions whose only callers are accounts by which Cloud Scheduler calls."""
    schedulers = {
        f"serviceAccount:{email}"
        for job in stack.all("cloudscheduler/job:Job")
        if (email := job["httpTarget.oidcToken.serviceAccountEmail"]) is not UNKNOWN
    }
    invokers: dict[str, set[str]] = {}
    for grant in stack.all("cloudrunv2/serviceIamMember:ServiceIamMember"):
        if grant["role"] == "roles/run.invoker" and grant["name"] is not UNKNOWN:
            invokers.setdefault(str(grant["name"]), set()).update(_members(grant))
    for function in stack.all(FUNCTION):
        callers = invokers.get(str(function["name"]), set())
        if callers and callers <= schedulers and function["serviceConfig.ingressSettings"] == "ALLOW_INTERNAL_ONLY":
            yield str(function["serviceConfig.serviceAccountEmail"])
