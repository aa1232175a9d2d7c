"""The Cloud Scheduler jobs of catalog.SCHEDULES."""

from collections.abc import Mapping

import pulumi
from pulumi_gcp import cloudscheduler

from utxoiq_infra.component import Component
from utxoiq_infra.configuration.catalog import SCHEDULES
from utxoiq_infra.configuration.settings import Configuration
from utxoiq_infra.function import ServerlessFunction
from utxoiq_infra.identity import Account


class Schedules(Component):
    """The jobs, which call as one account that may invoke the scheduled functions and nothing else."""

    def __init__(
        self,
        name: str,
        configuration: Configuration,
        functions: Mapping[str, ServerlessFunction],
        account: Account,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Schedules", name, opts)
        scheduled = sorted({row.function.name for row in SCHEDULES})
        invokers = {function: functions[function].allow("scheduler", account.member) for function in scheduled}
        for row in SCHEDULES:
            cloudscheduler.Job(
                f"{name}-{row.name}",
                name=f"{name}-{row.name}",
                project=configuration.project,
                region=configuration.region,
                description=row.description,
                schedule=configuration.crons[row.name],
                time_zone="Etc/UTC",
                attempt_deadline=f"{row.deadline_seconds}s",
                retry_config=cloudscheduler.JobRetryConfigArgs(
                    retry_count=row.retries,
                    min_backoff_duration="5s",
                    max_backoff_duration="60s",
                ),
                http_target=cloudscheduler.JobHttpTargetArgs(
                    http_method="POST",
                    uri=pulumi.Output.concat(functions[row.function.name].run_url, row.path),
                    oidc_token=cloudscheduler.JobHttpTargetOidcTokenArgs(
                        service_account_email=account.email,
                        audience=configuration.function_audience(row.function),
                    ),
                ),
                opts=self.own(depends_on=[invokers[row.function.name]]),
            )
        self.register_outputs({})
