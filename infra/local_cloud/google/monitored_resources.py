"""Monitored resources: what the platform measures and logs is about."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Resource:
    type: str
    labels: Mapping[str, str]

    @property
    def monitored(self) -> dict[str, Any]:
        """As an entry shows it."""
        return {"type": self.type, "labels": dict(self.labels)}


def function_resource(project: str, location: str, name: str, revision: str) -> Resource:
    labels = {
        "project_id": project,
        "location": location,
        "service_name": name,
        "configuration_name": name,
        "revision_name": revision,
    }
    return Resource("cloud_run_revision", labels)


def database_resource(instance: Mapping[str, Any]) -> Resource:
    """instance: as the Admin API shows it."""
    project, name = str(instance["project"]), str(instance["name"])
    labels = {"project_id": project, "database_id": f"{project}:{name}", "region": str(instance["region"])}
    return Resource("cloudsql_database", labels)


def cache_resource(project: str, region: str, name: str) -> Resource:
    labels = {
        "project_id": project,
        "region": region,
        "instance_id": f"projects/{project}/locations/{region}/instances/{name}",
        "node_id": "node-0",
    }
    return Resource("redis_instance", labels)


def job_resource(project: str, location: str, job: str) -> Resource:
    return Resource("cloud_scheduler_job", {"project_id": project, "location": location, "job_id": job})
