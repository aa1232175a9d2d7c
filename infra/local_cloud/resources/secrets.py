"""Secret Manager: secrets live in memory; the program generates them anew, or the state keeps what made them."""

from local_cloud.errors import DeploymentFailed
from local_cloud.resources.deployment import Declaration, Deployment, Made
from local_cloud.resources.registry import handles

ACCESSOR = "roles/secretmanager.secretAccessor"


@handles("gcp:secretmanager/secret:Secret")
async def secret(deployment: Deployment, declaration: Declaration) -> Made:
    path = f"projects/{deployment.project}/secrets/{declaration.inputs['secretId']}"
    return Made(id=path, outputs={"name": path})


@handles("gcp:secretmanager/secretVersion:SecretVersion")
async def secret_version(deployment: Deployment, declaration: Declaration) -> Made:
    path = str(declaration.inputs["secret"])
    if not path.startswith("projects/"):
        raise DeploymentFailed(
            f"{declaration.name}: the secret is {path!r}; it takes a secret's id, projects/…/secrets/…"
        )
    name = path.rpartition("/")[2]
    deployment.secrets[name, "1"] = deployment.secrets[name, "latest"] = str(declaration.inputs["secretData"])
    return Made(id=f"{path}/versions/1", outputs={"name": f"{path}/versions/1", "version": "1", "enabled": True})


@handles("gcp:secretmanager/secretIamMember:SecretIamMember")
async def secret_member(deployment: Deployment, declaration: Declaration) -> Made:
    inputs = declaration.inputs
    name = str(inputs["secretId"]).rpartition("/")[2]
    deployment.bindings.add(f"secret/{name}", str(inputs["role"]), str(inputs["member"]))
    return Made(id=f"projects/{deployment.project}/secrets/{name}/{inputs['role']}/{inputs['member']}")


def read_secret(deployment: Deployment, account: str, name: str, version: str) -> str:
    """As the platform reads it for a function. Raises DeploymentFailed."""
    short = name.rpartition("/")[2]
    if f"serviceAccount:{account}" not in deployment.bindings.members(f"secret/{short}", ACCESSOR):
        raise DeploymentFailed(
            f"{account} may not read the secret {short}: it lacks {ACCESSOR} when the function is made"
        )
    value = deployment.secrets.get((short, version))
    if value is None:
        raise DeploymentFailed(f"the secret {short} has no version {version}")
    return value
