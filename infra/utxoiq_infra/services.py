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
    "dns",
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


# Once it is enabled, every image of a function is looked through for known vulnerabilities, at a price an image.
SCANNING = "containerscanning"


class GoogleServices(Component):
    """The APIs, which stay enabled when the stack is destroyed: other stacks of the project may use them."""

    def __init__(
        self, name: str, project: str, opts: pulumi.ResourceOptions | None = None, *, container_scanning: bool = True
    ) -> None:
        super().__init__("GoogleServices", name, opts)
        for api in (*APIS, *([SCANNING] if container_scanning else [])):
            projects.Service(
                f"{name}-{api}",
                project=project,
                service=f"{api}.googleapis.com",
                disable_on_destroy=False,
                opts=self.own(),
            )
        self.register_outputs({})
