"""The log files of a deployment, and whose entries they hold."""

from urllib.parse import quote

from local_cloud.google.logging.entry_log import EntryLog
from local_cloud.google.logging.function_log import FunctionLog
from local_cloud.google.logging.postgres_log import PostgresLog
from local_cloud.google.logging.source import Source
from local_cloud.google.monitored_resources import Resource, database_resource, function_resource
from local_cloud.resources.deployment import Deployment, Function

STANDARD_OUTPUT = "run.googleapis.com/stdout"
REQUESTS = "run.googleapis.com/requests"
POSTGRES = "cloudsql.googleapis.com/postgres.log"
EXECUTIONS = "cloudscheduler.googleapis.com/executions"


def log_name(project: str, log_id: str) -> str:
    return f"projects/{project}/logs/{quote(log_id, safe='')}"


def sources_of(deployment: Deployment) -> list[Source]:
    """Those that there are now."""
    return [*_functions(deployment), *_databases(deployment), _scheduler(deployment)]


def resource_of(deployment: Deployment, name: str, function: Function) -> Resource:
    location = deployment.locations[f"function/{name}"]
    return function_resource(deployment.project, location, name, function.process.revision)


def _functions(deployment: Deployment) -> list[Source]:
    sources: list[Source] = []
    for name, function in list(deployment.functions.items()):
        resource = resource_of(deployment, name, function).monitored
        for log_id, kind, path in (
            (STANDARD_OUTPUT, FunctionLog, function.process.log),
            (REQUESTS, EntryLog, deployment.state.log(f"{name}-requests")),
        ):
            constants = {"resource": resource, "logName": log_name(deployment.project, log_id)}
            sources.append(kind(path, constants))
    return sources


def _databases(deployment: Deployment) -> list[Source]:
    cloud_sql = deployment.cloud_sql_now()
    if cloud_sql is None:
        return []
    name = log_name(deployment.project, POSTGRES)
    return [
        PostgresLog(server.log, {"resource": database_resource(body).monitored, "logName": name})
        for body, server in cloud_sql.service.servers()
    ]


def _scheduler(deployment: Deployment) -> Source:
    """The resource of each entry is its own: the job."""
    return EntryLog(deployment.state.log("scheduler"), {"logName": log_name(deployment.project, EXECUTIONS)})
