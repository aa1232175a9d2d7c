"""Who makes backups, and who has them expire: two accounts, of which the first deletes no backup."""

import pulumi
from pulumi_gcp import projects

from utxoiq_infra.component import Component
from utxoiq_infra.configuration.settings import Configuration
from utxoiq_infra.database import Database
from utxoiq_infra.identity import DATABASE_ROLES, Account

# On the database's instance: the backup function's, and the keeper's.
MAKING = (
    "cloudsql.backupRuns.create",
    "cloudsql.backupRuns.get",
    "cloudsql.backupRuns.list",
    "cloudsql.instances.get",
)
EXPIRING = ("cloudsql.backupRuns.delete", "cloudsql.backupRuns.get", "cloudsql.backupRuns.list")
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
    """The rights of the backup function, which depends on `grants`, and of the keeper: on `keeper_grants`."""

    def __init__(
        self,
        name: str,
        configuration: Configuration,
        account: Account,
        keeper: Account,
        database: Database,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Backups", name, opts)
        self._project = configuration.project
        source = database.instance.name
        maker, verifier = self._role("maker", MAKING), self._role("verifier", VERIFYING)
        temporaries = pulumi.Output.concat(source, TEMPORARY)
        self.grants: list[pulumi.Resource] = [
            account.may_on_backups(f"{name}-maker", maker, source),
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
        self.keeper_grants = [keeper.may_on_backups(f"{name}-keeper", self._role("keeper", EXPIRING), source)]
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
