"""Secret Manager: secrets live in memory; the program generates them anew, or the state keeps what made them."""

from local_cloud.errors import DeploymentFailed
from local_cloud.google.iam import Bindings

ACCESSOR = "roles/secretmanager.secretAccessor"
# There is one version of each: a program that changes a secret starts the functions that read it again.
VERSION = "1"


class SecretManager:
    """Hands secrets to service accounts that are bound to read them."""

    def __init__(self, bindings: Bindings) -> None:
        self._bindings = bindings
        self._values: dict[str, str] = {}

    def add(self, name: str, value: str) -> None:
        """Store a secret's only version."""
        self._values[name] = value

    def access(self, account: str, name: str, version: str) -> str:
        """Return a secret's value. name: alone, or with `projects/…/secrets/` in front.

        Raises DeploymentFailed if the account may not read it, or if there is no such version.
        """
        short = name.rpartition("/")[2]
        if f"serviceAccount:{account}" not in self._bindings.members(f"secret/{short}", ACCESSOR):
            raise DeploymentFailed(
                f"{account} may not read the secret {short}: it lacks {ACCESSOR} when the function is made"
            )
        if short not in self._values or version not in (VERSION, "latest"):
            raise DeploymentFailed(f"the secret {short} has no version {version}")
        return self._values[short]
