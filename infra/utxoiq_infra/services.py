"""The Google APIs that the system needs, enabled before anything else."""

import pulumi
from pulumi_gcp import projects

from utxoiq_infra.component import Component

APIS = (
    "artifactregistry",
    "bigquery",
    "billingbudgets",
    "cloudbuild",
    "cloudfunctions",
    "cloudresourcemanager",
    "cloudscheduler",
    "cloudtrace",
    "compute",
    "iam",
    "iamcredentials",
    "logging",
    "monitoring",
    "redis",
    "run",
    "secretmanager",
    "servicenetworking",
    "sqladmin",
    "storage",
    "telemetry",
)


class GoogleServices(Component):
    """The APIs, which stay enabled when the stack is destroyed: other stacks of the project may use them."""

    def __init__(self, name: str, project: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("GoogleServices", name, opts)
        for api in APIS:
            projects.Service(
                f"{name}-{api}",
                project=project,
                service=f"{api}.googleapis.com",
                disable_on_destroy=False,
                opts=self.own(),
            )
        self.register_outputs({})
