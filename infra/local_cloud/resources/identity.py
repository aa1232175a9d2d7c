"""Service accounts, and the bindings that the platform's stand-ins ask for."""

import hashlib

from local_cloud.errors import DeploymentFailed
from local_cloud.resources.deployment import Declaration, Deployment, Made
from local_cloud.resources.registry import handles


@handles("gcp:serviceaccount/account:Account")
async def account(deployment: Deployment, declaration: Declaration) -> Made:
    account_id = str(declaration.inputs["accountId"])
    if not 6 <= len(account_id) <= 30:
        raise DeploymentFailed(
            f"the service account {account_id}: its id takes 6 to 30 characters, not {len(account_id)}"
        )
    email = f"{account_id}@{deployment.project}.iam.gserviceaccount.com"
    path = f"projects/{deployment.project}/serviceAccounts/{email}"
    return Made(
        id=path,
        outputs={
            "email": email,
            "name": path,
            "member": f"serviceAccount:{email}",
            "uniqueId": str(int(hashlib.sha256(email.encode()).hexdigest()[:16], 16)),
        },
    )


@handles("gcp:serviceaccount/iAMMember:IAMMember")
async def account_member(deployment: Deployment, declaration: Declaration) -> Made:
    return _bind(deployment, declaration, "account", str(declaration.inputs["serviceAccountId"]))


@handles("gcp:projects/iAMMember:IAMMember")
async def project_member(deployment: Deployment, declaration: Declaration) -> Made:
    return _bind(deployment, declaration, "project", str(declaration.inputs.get("project", deployment.project)))


@handles("gcp:storage/bucketIAMMember:BucketIAMMember")
async def bucket_member(deployment: Deployment, declaration: Declaration) -> Made:
    return _bind(deployment, declaration, "bucket", str(declaration.inputs["bucket"]))


@handles("gcp:artifactregistry/repositoryIamMember:RepositoryIamMember")
async def repository_member(deployment: Deployment, declaration: Declaration) -> Made:
    return _bind(deployment, declaration, "repository", str(declaration.inputs["repository"]))


@handles("gcp:cloudrunv2/serviceIamMember:ServiceIamMember")
async def service_member(deployment: Deployment, declaration: Declaration) -> Made:
    return _bind_function(deployment, declaration, str(declaration.inputs["name"]))


@handles("gcp:cloudfunctionsv2/functionIamMember:FunctionIamMember")
async def function_member(deployment: Deployment, declaration: Declaration) -> Made:
    return _bind_function(deployment, declaration, str(declaration.inputs["cloudFunction"]))


def _bind_function(deployment: Deployment, declaration: Declaration, path: str) -> Made:
    name = path.rpartition("/")[2]
    if name not in deployment.functions:
        raise DeploymentFailed(f"{declaration.name}: there is no function {name}")
    return _bind(deployment, declaration, "function", name)


def _bind(deployment: Deployment, declaration: Declaration, kind: str, resource: str) -> Made:
    role, member = str(declaration.inputs["role"]), str(declaration.inputs["member"])
    deployment.bindings.add(f"{kind}/{resource}", role, member)
    return Made(id=f"{resource}/{role}/{member}", outputs={"etag": ""})
