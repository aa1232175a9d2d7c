"""The backup function's account, which may overwrite and delete no instance but temporary ones."""

import pulumi
from pulumi_gcp import projects, storage

from utxoiq_infra.component import Component
from utxoiq_infra.configuration.settings import Configuration
from utxoiq_infra.database import Database
from utxoiq_infra.identity import DATABASE_ROLES, Account
from utxoiq_infra.storage import Storage

# On the database's instance.
KEEPING = (
    "cloudsql.backupRuns.create",
    "cloudsql.backupRuns.delete",
    "cloudsql.backupRuns.get",
    "cloudsql.backupRuns.list",
    "cloudsql.instances.get",
)
# On the instances that backups are restored to, to be verified.
VERIFYING = (
    "cloudsql.instances.create",
    "cloudsql.instances.delete",
    "cloudsql.instances.get",
    "cloudsql.instances.restoreBackup",
)
# Of instances and their operations. A list is the project's: no condition on an instance can hold for it.
LISTING = ("cloudsql.instances.list",)
# What the function calls a temporary instance: after the database's, and this.
TEMPORARY = "-verify-"


class BackupAccess(Component):
    """The account and the rights of the backup function, which depends on `grants`."""

    def __init__(
        self,
        name: str,
        configuration: Configuration,
        account: Account,
        database: Database,
        buckets: Storage,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Backups", name, opts)
        self._project = configuration.project
        source = database.instance.name
        keeper, verifier = self._role("keeper", KEEPING), self._role("verifier", VERIFYING)
        temporaries = pulumi.Output.concat(source, TEMPORARY)
        self.grants: list[pulumi.Resource] = [
            account.may_on_backups(f"{name}-keeper", keeper, source),
            account.may_on_instances(f"{name}-verifier", verifier, temporaries),
            *(
                account.may_on_instances(f"{name}-{role.rpartition('.')[2]}", role, temporaries)
                for role in DATABASE_ROLES
            ),
            projects.IAMMember(
                f"{name}-lister",
                project=configuration.project,
                role=self._role("lister", LISTING),
                member=account.member,
                opts=self.own(),
            ),
        ]
        # Exports are written by the instance itself.
        storage.BucketIAMMember(
            f"{name}-exports",
            bucket=buckets.backups.name,
            role="roles/storage.objectAdmin",
            member=database.instance.service_account_email_address.apply(lambda email: f"serviceAccount:{email}"),
            opts=self.own(),
        )
        self.register_outputs({})

    def _role(self, purpose: str, permissions: tuple[str, ...]) -> pulumi.Output[str]:
        name = f"{self.pulumi_resource_name}-{purpose}"
        role = projects.IAMCustomRole(
            name,
            role_id=name.replace("-", "_"),
            project=self._project,
            title=name,
            permissions=list(permissions),
            opts=self.own(),
        )
        return role.name
