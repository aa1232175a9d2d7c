"""Audit logs and their storage, metrics made from logs, and a budget."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_gcp import billing, logging, projects

from utxoiq_infra.component import Component
from utxoiq_infra.configuration.settings import Configuration
from utxoiq_infra.encryption import Encryption
from utxoiq_infra.project_number import project_number
from utxoiq_infra.stack_logs import FUNCTION_LINES, JOB_LINES, encrypt_logs, within_stack

# Whatever holds data, or rights to them.
AUDITED_SERVICES = tuple(
    f"{service}.googleapis.com"
    for service in (
        "artifactregistry",
        "bigquery",
        "cloudbuild",
        "cloudfunctions",
        "cloudkms",
        "cloudresourcemanager",
        "cloudscheduler",
        "cloudsql",
        "iam",
        "logging",
        "redis",
        "run",
        "secretmanager",
        "storage",
    )
)
AUDITED_ACCESS = ("ADMIN_READ", "DATA_READ", "DATA_WRITE")
BUDGET_THRESHOLDS = (0.5, 0.9, 1.0)


@dataclass(frozen=True)
class LogMetric:
    """Counts the log lines of a filter, in which names are left to `within_stack`."""

    name: str
    description: str
    filter: str


# The platform has a line for each request; what a function logs of one that failed would count it again.
_REQUESTS = 'log_id("run.googleapis.com/requests")'
LOG_METRICS = (
    LogMetric(
        "errors",
        "Requests that failed, and errors beside requests, of any function",
        f"{FUNCTION_LINES} severity>=ERROR ({_REQUESTS} OR NOT jsonPayload.request_id:*)",
    ),
    LogMetric(
        "refusals",
        "Requests refused with 401 or 403",
        f"{FUNCTION_LINES} {_REQUESTS} httpRequest.status=(401 OR 403)",
    ),
    LogMetric(
        "slow-statements",
        "Statements that took longer than log_min_duration_statement",
        'resource.type="cloudsql_database" resource.labels.database_id="{project}:{prefix}" textPayload:"duration:"',
    ),
    LogMetric(
        "failed-schedules",
        "Attempts of a scheduler job that failed",
        f"{JOB_LINES} severity>=ERROR",
    ),
)


class Oversight(Component):
    """Audit logs, log-based metrics and the budget, which notifies the channels `emails`."""

    def __init__(
        self,
        name: str,
        configuration: Configuration,
        emails: Sequence[pulumi.Input[str]],
        encryption: Encryption,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Oversight", name, opts)
        self._configuration = configuration
        self._emails = list(emails)
        self._encryption = encryption
        if configuration.oversight.audit_logs:
            self._audit_logs()
        self._kept_logs()
        for metric in LOG_METRICS:
            self._log_metric(metric)
        if configuration.oversight.budget:
            self._budget()
        self.register_outputs({})

    def _audit_logs(self) -> None:
        """A setting of the whole project: of the stacks that share one, one declares it."""
        for service in AUDITED_SERVICES:
            projects.IAMAuditConfig(
                f"{self.pulumi_resource_name}-{service.partition('.')[0]}",
                project=self._configuration.project,
                service=service,
                audit_log_configs=[
                    projects.IAMAuditConfigAuditLogConfigArgs(log_type=access) for access in AUDITED_ACCESS
                ],
                opts=self.own(),
            )

    def _kept_logs(self) -> None:
        """Who did what, kept for longer than the default bucket keeps it."""
        configuration, name = self._configuration, self.pulumi_resource_name
        bucket = logging.ProjectBucketConfig(
            f"{name}-audit",
            bucket_id=f"{name}-audit",
            project=configuration.oversight.logs_project or configuration.project,
            location=configuration.region,
            description="Audit logs of Google Cloud and of the functions",
            retention_days=configuration.oversight.log_days,
            locked=configuration.oversight.logs_locked or None,
            cmek_settings=encrypt_logs(self._encryption),
            opts=self.own(depends_on=self._encryption.grants, protect=configuration.deletion_protection),
        )
        functions = within_stack(configuration, FUNCTION_LINES)
        sink = logging.ProjectSink(
            f"{name}-audit",
            name=f"{name}-audit",
            project=configuration.project,
            destination=bucket.id.apply(lambda path: f"logging.googleapis.com/{path}"),
            filter=f'log_id("cloudaudit.googleapis.com/activity") OR log_id("cloudaudit.googleapis.com/data_access") '
            f"OR ({functions} jsonPayload.audit:*)",
            unique_writer_identity=True,
            opts=self.own(),
        )
        if configuration.oversight.logs_project:
            # Within one project a sink needs no right.
            projects.IAMMember(
                f"{name}-audit",
                project=configuration.oversight.logs_project,
                role="roles/logging.bucketWriter",
                member=sink.writer_identity,
                condition=projects.IAMMemberConditionArgs(
                    title="one bucket of logs",
                    expression=bucket.id.apply(lambda path: f'resource.name.endsWith("{path}")'),
                ),
                opts=self.own(),
            )

    def _log_metric(self, metric: LogMetric) -> None:
        configuration, name = self._configuration, f"{self.pulumi_resource_name}-{metric.name}"
        logging.Metric(
            name,
            name=name,
            project=configuration.project,
            description=metric.description,
            filter=within_stack(configuration, metric.filter),
            metric_descriptor=logging.MetricMetricDescriptorArgs(metric_kind="DELTA", value_type="INT64", unit="1"),
            opts=self.own(),
        )

    def _budget(self) -> None:
        """Of the whole project. Alerts as parts of it are spent, and once the month is forecast to exceed it."""
        configuration, name = self._configuration, self.pulumi_resource_name
        settings = configuration.oversight
        number = project_number(configuration, self)
        thresholds = [billing.BudgetThresholdRuleArgs(threshold_percent=part) for part in BUDGET_THRESHOLDS]
        billing.Budget(
            name,
            billing_account=settings.billing_account,
            display_name=name,
            budget_filter=billing.BudgetBudgetFilterArgs(projects=[pulumi.Output.concat("projects/", number)]),
            amount=billing.BudgetAmountArgs(
                specified_amount=billing.BudgetAmountSpecifiedAmountArgs(units=str(settings.budget))
            ),
            threshold_rules=[
                *thresholds,
                billing.BudgetThresholdRuleArgs(threshold_percent=1.0, spend_basis="FORECASTED_SPEND"),
            ],
            all_updates_rule=billing.BudgetAllUpdatesRuleArgs(monitoring_notification_channels=self._emails)
            if self._emails
            else None,
            opts=self.own(),
        )
