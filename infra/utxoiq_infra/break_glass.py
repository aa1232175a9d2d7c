"""A person's way to the database, for a time: for a move from the system before, and for recovery. Off by default."""

import pulumi
from pulumi_gcp import projects, sql

from utxoiq_infra.component import Component
from utxoiq_infra.configuration.settings import Configuration
from utxoiq_infra.database import OWNER_ROLE, Database
from utxoiq_infra.identity import DATABASE_ROLES

# The group role of the migrations that `commands import` and `commands export` need.
GROUP = "utxoiq_import"
# What `commands recover` asks of the Admin API: of the database's instance and its backups, and of what it makes.
LIVE = (
    "cloudsql.backupRuns.create",
    "cloudsql.backupRuns.get",
    "cloudsql.backupRuns.list",
    "cloudsql.instances.clone",
    "cloudsql.instances.get",
    "cloudsql.instances.restoreBackup",
)
MADE = (*LIVE, "cloudsql.instances.create", "cloudsql.instances.delete")
# A list is the project's: no condition on an instance can hold for it.
LISTING = ("cloudsql.instances.list",)
RECOVERED = "-recover-"


class BreakGlass(Component):
    """The person's database user, and the grants by which that logs in and recovers, until `break_glass_until`."""

    def __init__(
        self,
        name: str,
        configuration: Configuration,
        database: Database,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("BreakGlass", name, opts)
        self._configuration = configuration
        identity = configuration.identity
        instance = database.instance.name
        # A user that is taken away again goes with its memberships, so nothing of it is abandoned.
        self.user = sql.User(
            name,
            name=identity.break_glass,
            project=configuration.project,
            instance=instance,
            type="CLOUD_IAM_USER",
            database_roles=[OWNER_ROLE],
            opts=self.own(),
        )
        path = pulumi.Output.concat("projects/", configuration.project, "/instances/", instance)
        live = pulumi.Output.format('(resource.name == "{0}" || resource.name.startsWith("{0}/backupRuns/"))', path)
        made = pulumi.Output.format('resource.name.startsWith("{0}{1}")', path, RECOVERED)
        for role in DATABASE_ROLES:
            self._grant(role.rpartition(".")[2], role, pulumi.Output.format("({0} || {1})", live, made))
        self._grant("live", self._role("live", LIVE), live)
        self._grant("made", self._role("made", MADE), made)
        self._grant("listing", self._role("listing", LISTING), None)
        self.register_outputs({})

    def _grant(self, purpose: str, role: pulumi.Input[str], where: pulumi.Output[str] | None) -> None:
        until = f'request.time < timestamp("{self._configuration.identity.break_glass_until}")'
        expression = until if where is None else pulumi.Output.concat(where, " && ", until)
        projects.IAMMember(
            f"{self.pulumi_resource_name}-{purpose}",
            project=self._configuration.project,
            role=role,
            member=f"user:{self._configuration.identity.break_glass}",
            condition=projects.IAMMemberConditionArgs(title="until a time", expression=expression),
            opts=self.own(),
        )

    def _role(self, purpose: str, permissions: tuple[str, ...]) -> pulumi.Output[str]:
        name = f"{self.pulumi_resource_name}-{purpose}"
        role = projects.IAMCustomRole(
            name,
            role_id=name.replace("-", "_"),
            project=self._configuration.project,
            title=name,
            permissions=list(permissions),
            opts=self.own(),
        )
        return role.name
