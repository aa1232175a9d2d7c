"""Who makes backups and exports, and who has them expire: two accounts, of which the first deletes no backup."""

import pulumi
from pulumi_gcp import projects, storage

from utxoiq_infra.component import Component
from utxoiq_infra.configuration.cron import list_hours
from utxoiq_infra.configuration.settings import Configuration
from utxoiq_infra.database import Database
from utxoiq_infra.identity import DATABASE_ROLES, Account
from utxoiq_infra.storage import EXPORTS

# On the database's instance: the backup function's, and the keeper's.
MAKING = (
    "cloudsql.backupRuns.create",
    "cloudsql.backupRuns.get",
    "cloudsql.backupRuns.list",
    "cloudsql.instances.export",
    "cloudsql.instances.get",
)
EXPIRING = ("cloudsql.backupRuns.delete", "cloudsql.backupRuns.list")
# On the instances that backups are restored to, to be verified.
VERIFYING = (
    "cloudsql.instances.create",
    "cloudsql.instances.delete",
    "cloudsql.instances.get",
    "cloudsql.instances.restoreBackup",
    "cloudsql.users.create",
    "cloudsql.users.list",
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
        bucket: storage.Bucket,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Backups", name, opts)
        self._project = configuration.project
        self._bucket = bucket
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
            *self._on_exports(configuration, account, database),
        ]
        self.environment: dict[str, pulumi.Input[str]] = {"EXPORT_BUCKET": bucket.name}
        self.keeper_grants = [keeper.may_on_backups(f"{name}-keeper", self._role("keeper", EXPIRING), source)]
        self.register_outputs({})

    def _on_exports(self, configuration: Configuration, reader: Account, database: Database) -> list[pulumi.Resource]:
        """The database's own account creates exports within the hours of the schedule; who verifies them reads them."""
        name = self.pulumi_resource_name
        objects = pulumi.Output.format(
            'resource.name.startsWith("projects/_/buckets/{0}/objects/{1}")', self._bucket.name, EXPORTS
        )
        writing = objects.apply(lambda expression: _within_hours(expression, configuration))
        agent = pulumi.Output.concat("serviceAccount:", database.instance.service_account_email_address)
        return [
            storage.BucketIAMMember(
                f"{name}-{purpose}",
                bucket=self._bucket.name,
                role=role,
                member=member,
                condition=storage.BucketIAMMemberConditionArgs(title=title, expression=condition),
                opts=self.own(),
            )
            for purpose, role, member, title, condition in (
                ("exporter", "roles/storage.objectCreator", agent, "exports in their hours", writing),
                ("reader", "roles/storage.objectViewer", reader.member, "exports", objects),
            )
        ]

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


def _within_hours(expression: str, configuration: Configuration) -> str:
    """Narrow a condition to the hours, in UTC, from that of the schedule on. Alternatives, since CEL has no ranges."""
    length = configuration.storage.export_hours
    if length == 24:
        return expression
    (first,) = list_hours(configuration.crons["export"])
    last = (first + length) % 24
    since, until = (f'request.time.getHours("UTC") {bound}' for bound in (f">= {first}", f"< {last}"))
    if first < last:
        return f"{expression} && {since} && {until}"
    return f"{expression} && {since} || {expression} && {until}"
