"""The customer's keys, by which Google's services encrypt what they hold for the stack."""

import hashlib
from collections.abc import Mapping

import pulumi
from pulumi_gcp import bigquery, kms, logging, projects, secretmanager, storage

from utxoiq_infra.component import Component
from utxoiq_infra.configuration.settings import Configuration

# Services by their names in Google's system, whose agents are made on demand. Cloud Storage is beside them: Cloud
# Functions copies every source into a bucket of its own, in the stack's region.
IN_REGION = ("sqladmin", "redis", "artifactregistry", "secretmanager", "cloudfunctions", "run")
ROLE = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
# So many hexadecimal digits tell a stack's keys apart.
DIGEST_LENGTH = 8


class Encryption(Component):
    """The keys, which each service's own agent may use: whoever is encrypted by one depends on `grants`.

    `key` is of the stack's region, `backup_key` of that of the buckets and what reads them; both are None where
    Google's own keys are used.
    """

    def __init__(self, name: str, configuration: Configuration, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Encryption", name, opts)
        self._configuration = configuration
        self.key = configuration.kms_key or None
        self.backup_key = configuration.backup_kms_key or None
        self.grants: list[pulumi.Resource] = []
        if self.key and self.backup_key:
            # An answer of Google's waits for the APIs, so that the preview of an empty project asks for none.
            asked = pulumi.InvokeOutputOptions(parent=self, depends_on=opts.depends_on if opts else None)
            in_region = {**self._agents(IN_REGION), **self._region_agents(asked)}
            self.grants += [
                *self._grant("", self.key, in_region),
                *self._grant("-backup", self.backup_key, self._backup_agents(in_region["secretmanager"], asked)),
            ]
        self.register_outputs({})

    def name_secret(self, name: str) -> str:
        """Return the name of a secret: with other keys another one, and without keys the name alone.

        Google changes no secret's keys. One of another name is made, and functions are led to it, before Pulumi deletes
        the one that it replaces.
        """
        if self.key is None or self.backup_key is None:
            return name
        return f"{name}-{hashlib.sha256(f'{self.key} {self.backup_key}'.encode()).hexdigest()[:DIGEST_LENGTH]}"

    def replicate(self) -> secretmanager.SecretReplicationArgs:
        """Return where a secret lies: anywhere, or in both regions, encrypted by their keys."""
        if self.key is None or self.backup_key is None:
            return secretmanager.SecretReplicationArgs(auto=secretmanager.SecretReplicationAutoArgs())
        keys = {self._configuration.region: self.key, self._configuration.backup_region: self.backup_key}
        return secretmanager.SecretReplicationArgs(
            user_managed=secretmanager.SecretReplicationUserManagedArgs(
                replicas=[
                    secretmanager.SecretReplicationUserManagedReplicaArgs(
                        location=region,
                        customer_managed_encryption=(
                            secretmanager.SecretReplicationUserManagedReplicaCustomerManagedEncryptionArgs(
                                kms_key_name=key
                            )
                        ),
                    )
                    for region, key in keys.items()
                ]
            )
        )

    def _agents(self, services: tuple[str, ...]) -> dict[str, pulumi.Input[str]]:
        return {
            service: projects.ServiceIdentity(
                f"{self.pulumi_resource_name}-{service}",
                project=self._configuration.project,
                service=f"{service}.googleapis.com",
                opts=self.own(),
            ).member
            for service in services
        }

    def _region_agents(self, asked: pulumi.InvokeOutputOptions) -> dict[str, pulumi.Input[str]]:
        """Those that Google made with the project, and names when asked."""
        configuration = self._configuration
        agents: dict[str, pulumi.Input[str]] = {"storage": _storage_agent(configuration.project, asked)}
        # A bucket of logs in another project has that project's agent.
        for what, project in {"logging": configuration.project, "vault": configuration.oversight.logs_project}.items():
            if project:
                settings = logging.get_project_cmek_settings_output(project=project, opts=asked)
                agents[what] = pulumi.Output.concat("serviceAccount:", settings.service_account_id)
        return agents

    def _backup_agents(
        self, secrets: pulumi.Input[str], asked: pulumi.InvokeOutputOptions
    ) -> dict[str, pulumi.Input[str]]:
        configuration = self._configuration
        tables = bigquery.get_default_service_account_output(project=configuration.project, opts=asked)
        agents: dict[str, pulumi.Input[str]] = {
            "secretmanager": secrets,
            "storage": _storage_agent(configuration.project, asked),
            "bigquery": pulumi.Output.concat("serviceAccount:", tables.email),
        }
        if configuration.storage.export_project:
            agents["exports"] = _storage_agent(configuration.storage.export_project, asked)
        return agents

    def _grant(self, suffix: str, key: str, agents: Mapping[str, pulumi.Input[str]]) -> list[pulumi.Resource]:
        # What was written under a key is read by it for as long as it lies there, and other stacks of the project have
        # the same agents: rights go by hand, when nothing is left that needs them.
        return [
            kms.CryptoKeyIAMMember(
                f"{self.pulumi_resource_name}-{service}{suffix}",
                crypto_key_id=key,
                role=ROLE,
                member=member,
                opts=self.own(retain_on_delete=True),
            )
            for service, member in agents.items()
        ]


def _storage_agent(project: str, asked: pulumi.InvokeOutputOptions) -> pulumi.Output[str]:
    agent = storage.get_project_service_account_output(project=project, opts=asked)
    return pulumi.Output.concat("serviceAccount:", agent.email_address)
