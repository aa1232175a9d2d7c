"""Secret Manager: secrets, their only version, and who may read them."""

from local_cloud.errors import DeploymentFailed
from local_cloud.google.secret_manager import VERSION
from local_cloud.pulumi.declaration import CreatedResource, Declaration
from local_cloud.resources.cloud import LocalCloud
from local_cloud.resources.registry import handles


@handles("gcp:secretmanager/secret:Secret")
async def secret(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Name a secret."""
    path = f"projects/{cloud.project}/secrets/{declaration.inputs['secretId']}"
    return CreatedResource(id=path, outputs={"name": path})


@handles("gcp:secretmanager/secretVersion:SecretVersion")
async def secret_version(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Store a secret's value."""
    path = str(declaration.inputs["secret"])
    if not path.startswith("projects/"):
        raise DeploymentFailed(
            f"{declaration.name}: the secret is {path!r}; it takes a secret's id, projects/…/secrets/…"
        )
    name = path.rpartition("/")[2]
    cloud.google.secrets.add(name, str(declaration.inputs["secretData"]))
    version = f"{path}/versions/{VERSION}"
    return CreatedResource(id=version, outputs={"name": version, "version": VERSION, "enabled": True})


@handles("gcp:secretmanager/secretIamMember:SecretIamMember")
async def secret_member(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Bind a role on a secret."""
    inputs = declaration.inputs
    name = str(inputs["secretId"]).rpartition("/")[2]
    cloud.google.bindings.add(f"secret/{name}", str(inputs["role"]), str(inputs["member"]))
    return CreatedResource(id=f"projects/{cloud.project}/secrets/{name}/{inputs['role']}/{inputs['member']}")
