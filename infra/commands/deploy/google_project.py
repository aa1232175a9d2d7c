"""What Google says of the project to deploy to: which APIs are enabled, and what the caller may do."""

from collections.abc import Collection
from dataclasses import dataclass

import requests

RESOURCE_MANAGER = "https://cloudresourcemanager.googleapis.com"
SERVICE_USAGE = "https://serviceusage.googleapis.com"
SECONDS = 30


@dataclass(frozen=True)
class GoogleProject:
    """session: signed in as the caller. resource_manager, service_usage: addresses of Google's APIs."""

    project: str
    session: requests.Session
    resource_manager: str = RESOURCE_MANAGER
    service_usage: str = SERVICE_USAGE

    def missing_apis(self, needed: Collection[str]) -> list[str]:
        """Return those that are not enabled. Raises requests.RequestException."""
        missing = []
        for api in needed:
            url = f"{self.service_usage}/v1/projects/{self.project}/services/{api}"
            answer = self.session.get(url, timeout=SECONDS)
            # Where the caller may not even look, or Service Usage itself is off, the API cannot be used either.
            if answer.status_code in (403, 404) or answer.json().get("state") != "ENABLED":
                missing.append(api)
        return missing

    def missing_rights(self, needed: Collection[str]) -> list[str]:
        """Return the permissions that the caller lacks. Raises requests.RequestException."""
        url = f"{self.resource_manager}/v1/projects/{self.project}:testIamPermissions"
        answer = self.session.post(url, json={"permissions": list(needed)}, timeout=SECONDS)
        answer.raise_for_status()
        held = set(answer.json().get("permissions", ()))
        return [permission for permission in needed if permission not in held]
