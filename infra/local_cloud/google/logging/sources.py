"""The log files of a stack, and whose entries they hold."""

from pathlib import Path
from urllib.parse import quote

from local_cloud.google.cloud_sql.declared_instances import DeclaredInstances
from local_cloud.google.logging.entry_log import EntryLog
from local_cloud.google.logging.function_log import FunctionLog
from local_cloud.google.logging.postgres_log import PostgresLog
from local_cloud.google.logging.source import LogSource
from local_cloud.google.monitored_resources import MonitoredResource, database_resource

STANDARD_OUTPUT = "run.googleapis.com/stdout"
REQUESTS = "run.googleapis.com/requests"
POSTGRES = "cloudsql.googleapis.com/postgres.log"
ACTIVITY = "cloudaudit.googleapis.com/activity"
EXECUTIONS = "cloudscheduler.googleapis.com/executions"


class LogSources:
    """Functions register their logs; those of databases are found where the instances are."""

    def __init__(self, project: str, scheduler_log: Path, activity_log: Path, cloud_sql: DeclaredInstances) -> None:
        self._project = project
        self._cloud_sql = cloud_sql
        self._functions: list[LogSource] = []
        # The resource of each entry is its own: the job.
        self._scheduler = EntryLog(scheduler_log, {"logName": self._log_name(EXECUTIONS)})
        # Nobody changes rights or networks here: the log is for entries that are written to try alerts.
        self._activity = EntryLog(activity_log, {"logName": self._log_name(ACTIVITY)})

    def add_function(self, resource: MonitoredResource, output: Path, requests: Path) -> None:
        """Register what a function writes to its standard output, and what its front end logs of requests."""
        for log_id, kind, path in ((STANDARD_OUTPUT, FunctionLog, output), (REQUESTS, EntryLog, requests)):
            constants = {"resource": resource.as_json(), "logName": self._log_name(log_id)}
            self._functions.append(kind(path, constants))

    def current(self) -> list[LogSource]:
        """Return the sources that there are now."""
        return [*self._functions, *self._databases(), self._scheduler, self._activity]

    def _databases(self) -> list[LogSource]:
        service = self._cloud_sql.service
        if service is None:
            return []
        name = self._log_name(POSTGRES)
        return [
            PostgresLog(server.log, {"resource": database_resource(body).as_json(), "logName": name})
            for body, server in service.servers()
        ]

    def _log_name(self, log_id: str) -> str:
        return f"projects/{self._project}/logs/{quote(log_id, safe='')}"
