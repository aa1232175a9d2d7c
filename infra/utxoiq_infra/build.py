"""The account that builds function images and the repository that stores them, both owned by the stack."""

import pulumi
from pulumi_gcp import artifactregistry, projects, storage

from utxoiq_infra.component import Component
from utxoiq_infra.configuration.settings import Configuration
from utxoiq_infra.encryption import Encryption
from utxoiq_infra.identity import Account
from utxoiq_infra.storage import Storage


class Build(Component):
    """The build account and the repository. Functions depend on `grants`, without which their build would fail."""

    def __init__(
        self,
        name: str,
        configuration: Configuration,
        buckets: Storage,
        encryption: Encryption,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Build", name, opts)
        self.account = Account(
            f"{configuration.prefix}-builder", configuration, purpose="Builds the functions' images", opts=self.own()
        )
        self.repository = artifactregistry.Repository(
            name,
            repository_id=name,
            project=configuration.project,
            location=configuration.region,
            format="DOCKER",
            description="Images of the functions",
            cleanup_policies=[
                artifactregistry.RepositoryCleanupPolicyArgs(
                    id="delete-old",
                    action="DELETE",
                    condition=artifactregistry.RepositoryCleanupPolicyConditionArgs(older_than="2592000s"),
                ),
                artifactregistry.RepositoryCleanupPolicyArgs(
                    id="keep-for-rollback",
                    action="KEEP",
                    most_recent_versions=artifactregistry.RepositoryCleanupPolicyMostRecentVersionsArgs(keep_count=10),
                ),
            ],
            kms_key_name=encryption.key,
            labels=configuration.labels,
            opts=self.own(depends_on=encryption.grants),
        )
        self.grants: list[pulumi.Resource] = [
            projects.IAMMember(
                f"{name}-logs",
                project=configuration.project,
                role="roles/logging.logWriter",
                member=self.account.member,
                opts=self.own(),
            ),
            # Cloud Functions copies every source into a bucket of its own, whose name is Google's.
            projects.IAMMember(
                f"{name}-uploads",
                project=configuration.project,
                role="roles/storage.objectViewer",
                member=self.account.member,
                condition=projects.IAMMemberConditionArgs(
                    title="function uploads",
                    expression='resource.name.startsWith("projects/_/buckets/gcf-v2-")',
                ),
                opts=self.own(),
            ),
            storage.BucketIAMMember(
                f"{name}-sources",
                bucket=buckets.sources.name,
                role="roles/storage.objectViewer",
                member=self.account.member,
                opts=self.own(),
            ),
            artifactregistry.RepositoryIamMember(
                f"{name}-images",
                project=configuration.project,
                location=configuration.region,
                repository=self.repository.name,
                role="roles/artifactregistry.writer",
                member=self.account.member,
                opts=self.own(),
            ),
        ]
        self.register_outputs({})
