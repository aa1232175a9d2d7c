"""Monitored resources: what the platform measures and logs is about."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class MonitoredResource:
    """A part of the cloud, named by its type and that type's labels."""

    type: str
    labels: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        """Return it as a log entry shows it."""
        return {"type": self.type, "labels": dict(self.labels)}


def function_resource(project: str, location: str, name: str, revision: str) -> MonitoredResource:
    """Return the revision of Cloud Run that serves a function."""
    labels = {
        "project_id": project,
        "location": location,
        "service_name": name,
        "configuration_name": name,
        "revision_name": revision,
    }
    return MonitoredResource("cloud_run_revision", labels)


def database_resource(instance: Mapping[str, Any]) -> MonitoredResource:
    """Return an instance of Cloud SQL. instance: as the Admin API shows it."""
    project, name = str(instance["project"]), str(instance["name"])
    labels = {"project_id": project, "database_id": f"{project}:{name}", "region": str(instance["region"])}
    return MonitoredResource("cloudsql_database", labels)


def redis_resource(project: str, region: str, name: str) -> MonitoredResource:
    """Return an instance of Memorystore."""
    labels = {
        "project_id": project,
        "region": region,
        "instance_id": f"projects/{project}/locations/{region}/instances/{name}",
        "node_id": "node-0",
    }
    return MonitoredResource("redis_instance", labels)


def job_resource(project: str, location: str, job: str) -> MonitoredResource:
    """Return a job of Cloud Scheduler."""
    return MonitoredResource("cloud_scheduler_job", {"project_id": project, "location": location, "job_id": job})
