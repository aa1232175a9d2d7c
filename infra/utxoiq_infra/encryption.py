"""The customer's key, by which Google's services encrypt what they hold for the stack."""

import pulumi
from pulumi_gcp import kms, projects

from utxoiq_infra.component import Component
from utxoiq_infra.configuration.settings import Configuration

# Those that take a key of the stack's region, by their names in the system.
SERVICES = ("sqladmin", "redis", "artifactregistry")


class Encryption(Component):
    """The key, which each service's own agent may use: whoever is encrypted by it depends on the `grants`.

    `key` is None where Google's own keys are used. Buckets and their tables lie in another region, which takes another
    key, and secrets are everywhere: they keep Google's.
    """

    def __init__(self, name: str, configuration: Configuration, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Encryption", name, opts)
        self.key = configuration.kms_key or None
        self.grants: list[pulumi.Resource] = []
        for service in SERVICES if self.key else ():
            agent = projects.ServiceIdentity(
                f"{name}-{service}",
                project=configuration.project,
                service=f"{service}.googleapis.com",
                opts=self.own(),
            )
            self.grants.append(
                kms.CryptoKeyIAMMember(
                    f"{name}-{service}",
                    crypto_key_id=configuration.kms_key,
                    role="roles/cloudkms.cryptoKeyEncrypterDecrypter",
                    member=agent.member,
                    opts=self.own(),
                )
            )
        self.register_outputs({})
