"""Service accounts, and the bindings that the platform's stand-ins ask for."""

import hashlib

from local_cloud.errors import DeploymentFailed
from local_cloud.pulumi.declaration import CreatedResource, Declaration
from local_cloud.resources.cloud import LocalCloud
from local_cloud.resources.registry import handles


@handles("gcp:serviceaccount/account:Account")
async def account(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Name a service account."""
    account_id = str(declaration.inputs["accountId"])
    if not 6 <= len(account_id) <= 30:
        raise DeploymentFailed(
            f"the service account {account_id}: its id takes 6 to 30 characters, not {len(account_id)}"
        )
    email = f"{account_id}@{cloud.project}.iam.gserviceaccount.com"
    path = f"projects/{cloud.project}/serviceAccounts/{email}"
    return CreatedResource(
        id=path,
        outputs={
            "email": email,
            "name": path,
            "member": f"serviceAccount:{email}",
            "uniqueId": str(int(hashlib.sha256(email.encode()).hexdigest()[:16], 16)),
        },
    )


@handles("gcp:serviceaccount/iAMMember:IAMMember")
async def account_member(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Bind a role on a service account."""
    return _bind(cloud, declaration, "account", str(declaration.inputs["serviceAccountId"]))


@handles("gcp:projects/iAMMember:IAMMember")
async def project_member(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Bind a role on the project."""
    condition = declaration.inputs.get("condition") or {}
    project = str(declaration.inputs.get("project", cloud.project))
    return _bind(cloud, declaration, "project", project, condition.get("expression"))


@handles("gcp:projects/iAMCustomRole:IAMCustomRole")
async def custom_role(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Define a role of the project's own, which the stand-ins of Google's APIs ask for."""
    role = f"projects/{cloud.project}/roles/{declaration.inputs['roleId']}"
    cloud.google.bindings.define(role, map(str, declaration.inputs["permissions"]))
    return CreatedResource(id=role, outputs={"name": role})


@handles("gcp:storage/bucketIAMMember:BucketIAMMember")
async def bucket_member(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Bind a role on a bucket."""
    condition = declaration.inputs.get("condition") or {}
    return _bind(cloud, declaration, "bucket", str(declaration.inputs["bucket"]), condition.get("expression"))


@handles("gcp:logging/logViewIamMember:LogViewIamMember")
async def log_view_member(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Bind a role on a view of a bucket of logs."""
    inputs = declaration.inputs
    return _bind(cloud, declaration, "view", f"{inputs['parent']}/{inputs['bucket']}/{inputs['name']}")


@handles("gcp:artifactregistry/repositoryIamMember:RepositoryIamMember")
async def repository_member(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Bind a role on a repository."""
    return _bind(cloud, declaration, "repository", str(declaration.inputs["repository"]))


@handles("gcp:cloudrunv2/serviceIamMember:ServiceIamMember")
async def service_member(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Bind a role on a function's service of Cloud Run."""
    return _bind_function(cloud, declaration, str(declaration.inputs["name"]))


@handles("gcp:cloudfunctionsv2/functionIamMember:FunctionIamMember")
async def function_member(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Bind a role on a function."""
    return _bind_function(cloud, declaration, str(declaration.inputs["cloudFunction"]))


def _bind_function(cloud: LocalCloud, declaration: Declaration, path: str) -> CreatedResource:
    name = path.rpartition("/")[2]
    if name not in cloud.endpoints.functions:
        raise DeploymentFailed(f"{declaration.name}: there is no function {name}")
    return _bind(cloud, declaration, "function", name)


def _bind(
    cloud: LocalCloud, declaration: Declaration, kind: str, resource: str, condition: str | None = None
) -> CreatedResource:
    role, member = str(declaration.inputs["role"]), str(declaration.inputs["member"])
    cloud.google.bindings.add(f"{kind}/{resource}", role, member, condition)
    return CreatedResource(id=f"{resource}/{role}/{member}", outputs={"etag": ""})
