"""Service accounts: one for each function, and those that invoke, build or make backups."""

import pulumi
from pulumi_gcp import projects, serviceaccount

from utxoiq_infra.component import Component
from utxoiq_infra.configuration.settings import Configuration

DATABASE_ROLES = ("roles/cloudsql.client", "roles/cloudsql.instanceUser")


class Account(Component):
    """A service account without keys and, initially, without any right."""

    def __init__(
        self,
        name: str,
        configuration: Configuration,
        *,
        purpose: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Account", name, opts)
        self._project = configuration.project
        self.account = serviceaccount.Account(
            name,
            account_id=name,
            project=configuration.project,
            display_name=name,
            description=purpose,
            opts=self.own(),
        )
        self.email = self.account.email
        self.member = self.account.member
        self.register_outputs({"email": self.email})

    def may_connect(self, instances: dict[str, pulumi.Output[str]]) -> list[pulumi.Resource]:
        """Grant connections to Cloud SQL instances, logging in as itself. Return the grants.

        `instances` are the instances' names, by the names of the grants.
        """
        return [
            self.may_on_instance(f"{self.pulumi_resource_name}-{role.rpartition('.')[2]}{suffix}", role, instance)
            for suffix, instance in instances.items()
            for role in DATABASE_ROLES
        ]

    def may_on_instance(self, name: str, role: pulumi.Input[str], instance: pulumi.Input[str]) -> pulumi.Resource:
        """Grant a role on one Cloud SQL instance. Return the grant."""
        condition = pulumi.Output.format(
            'resource.type == "sqladmin.googleapis.com/Instance" && resource.name == "projects/{0}/instances/{1}"',
            self._project,
            instance,
        )
        return self._may_if(name, role, "one instance", condition)

    def may_on_backups(self, name: str, role: pulumi.Input[str], instance: pulumi.Input[str]) -> pulumi.Resource:
        """Grant a role on one Cloud SQL instance and its backups. Return the grant."""
        path = pulumi.Output.concat("projects/", self._project, "/instances/", instance)
        condition = pulumi.Output.format('resource.name == "{0}" || resource.name.startsWith("{0}/backupRuns/")', path)
        return self._may_if(name, role, "one instance and its backups", condition)

    def may_on_instances(self, name: str, role: pulumi.Input[str], prefix: pulumi.Input[str]) -> pulumi.Resource:
        """Grant a role on the Cloud SQL instances whose names begin with the prefix. Return the grant."""
        condition = pulumi.Output.format(
            'resource.type == "sqladmin.googleapis.com/Instance" && '
            'resource.name.startsWith("projects/{0}/instances/{1}")',
            self._project,
            prefix,
        )
        return self._may_if(name, role, "instances of one prefix", condition)

    def may_write(self, what: str, role: pulumi.Input[str]) -> pulumi.Resource:
        """Grant a role on the project, for data without a resource that a condition could name: metrics, traces."""
        return projects.IAMMember(
            f"{self.pulumi_resource_name}-{what}",
            project=self._project,
            role=role,
            member=self.member,
            opts=self.own(),
        )

    def _may_if(self, name: str, role: pulumi.Input[str], title: str, condition: pulumi.Input[str]) -> pulumi.Resource:
        """Roles on instances are the project's, and a condition narrows them."""
        return projects.IAMMember(
            name,
            project=self._project,
            role=role,
            member=self.member,
            condition=projects.IAMMemberConditionArgs(title=title, expression=condition),
            opts=self.own(),
        )

    def may_be_impersonated_by(self, member: str, called: str = "") -> pulumi.Resource:
        """Let the member create ID tokens of this account. Return the grant, `called` so where there are several."""
        return serviceaccount.IAMMember(
            f"{self.pulumi_resource_name}-{called or 'impersonation'}",
            service_account_id=self.account.name,
            role="roles/iam.serviceAccountOpenIdTokenCreator",
            member=member,
            opts=self.own(),
        )


def database_user(account: Account) -> pulumi.Output[str]:
    """Return the name of a service account's PostgreSQL role."""
    return account.email.apply(lambda email: email.removesuffix(".gserviceaccount.com"))
