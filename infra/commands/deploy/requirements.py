"""What a deployment needs before it begins; each thing that is missing, with what to run."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import google.auth
from google.auth.exceptions import DefaultCredentialsError
from google.auth.transport.requests import AuthorizedSession

from commands.deploy.google_project import GoogleProject

APIS = ("cloudresourcemanager.googleapis.com", "serviceusage.googleapis.com")
# A right that each role of docs/deployment.md brings, by which it is told whether the caller has the role.
RIGHTS: Mapping[str, str] = {
    "resourcemanager.projects.setIamPolicy": "roles/resourcemanager.projectIamAdmin",
    "iam.serviceAccounts.create": "roles/iam.serviceAccountAdmin",
    "iam.serviceAccounts.actAs": "roles/iam.serviceAccountUser",
    "iam.roles.create": "roles/iam.roleAdmin",
    "secretmanager.secrets.create": "roles/secretmanager.admin",
    "monitoring.alertPolicies.create": "roles/monitoring.admin",
    "run.services.setIamPolicy": "roles/run.admin",
    "cloudfunctions.functions.create": "roles/cloudfunctions.admin",
    "servicenetworking.services.addPeering": "roles/servicenetworking.networksAdmin",
    "logging.buckets.create": "roles/logging.configWriter",
    "dns.managedZones.create": "roles/dns.admin",
    "compute.firewallPolicies.create": "roles/compute.securityAdmin",
    "cloudsql.instances.create": "roles/editor",
    "serviceusage.services.enable": "roles/editor",
}
SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def find_missing_tools(folder: Path, stack: str) -> Iterator[str]:
    """Yield what the CLI lacks: itself, a login, the stack. Each line says what to run."""
    if shutil.which("pulumi") is None:
        yield "the Pulumi CLI is not on the PATH: https://www.pulumi.com/docs/install/"
    elif _fails(folder, "whoami"):
        yield "no login to a backend: pulumi login gs://BUCKET"
    elif _fails(folder, "stack", "select", stack):
        yield f"there is no stack {stack}: pulumi stack init {stack} --secrets-provider gcpkms://…"


def find_missing_rights(project: GoogleProject) -> Iterator[str]:
    """Yield what the project or the caller lacks. Each line says what to run. Raises requests.RequestException."""
    missing = project.missing_apis(APIS)
    if missing:
        yield f"APIs are off: gcloud services enable {' '.join(missing)} --project {project.project}"
        return
    for role in dict.fromkeys(RIGHTS[right] for right in project.missing_rights(list(RIGHTS))):
        command = f"gcloud projects add-iam-policy-binding {project.project} --member MEMBER --role {role}"
        yield f"a right is missing: {command}"


def signed_in(project: str) -> GoogleProject | None:
    """Return Google's view of the project, by the application's default credentials; None without any."""
    try:
        credentials, _ = google.auth.default(scopes=[SCOPE])
    except DefaultCredentialsError:
        return None
    return GoogleProject(project, AuthorizedSession(credentials))  # type: ignore[no-untyped-call]


def _fails(folder: Path, *arguments: str) -> bool:
    command = ["pulumi", "--non-interactive", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode != 0  # noqa: S603
