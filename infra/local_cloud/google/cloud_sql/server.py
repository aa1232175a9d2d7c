"""Cloud SQL as the deployer runs it: the service and its API, started and stopped together."""

from pathlib import Path

from local_cloud.google.cloud_sql.api import AdminApi
from local_cloud.google.cloud_sql.service import CloudSql


class CloudSqlServer:
    """start and stop block."""

    def __init__(self, folder: Path, project: str, port: int = 0) -> None:
        self.service = CloudSql(folder, project)
        self._api = AdminApi(self.service, port)

    @property
    def url(self) -> str:
        return self._api.url

    def start(self) -> None:
        self.service.start()
        self._api.start()

    def stop(self) -> None:
        self._api.stop()
        self.service.stop()
