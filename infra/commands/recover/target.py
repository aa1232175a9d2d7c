"""The system that is recovered: on Google Cloud by name, or the local one by its stack.json."""

import os
from dataclasses import dataclass

from pg8000.dbapi import Connection
from pg8000.exceptions import DatabaseError, InterfaceError

from commands.errors import CommandFailed, ExitCode
from commands.recover.database import Database
from commands.stack import Stack


@dataclass(frozen=True)
class Target:
    """instance: that of the Pulumi program. user: who logs in to databases, by IAM on Google Cloud.

    endpoint: of the Admin API, where that is not Google's. sockets: a folder of local sockets by connection name.
    """

    project: str
    instance: str
    database: str
    user: str
    redis_url: str | None = None
    endpoint: str | None = None
    sockets: str | None = None

    def connect(self, connection_name: str) -> Database:
        """Return a session of the database of an instance, given as project:region:name. Raises CommandFailed."""
        try:
            return Database(self._opened(connection_name))
        except (OSError, InterfaceError, DatabaseError) as error:
            raise CommandFailed(
                f"cannot log in to {connection_name} as {self.user}: {error}",
                remedy="Instances have private addresses only: run this from inside the network.",
                code=ExitCode.REFUSED,
            ) from error

    def _opened(self, connection_name: str) -> Connection:
        if self.sockets is not None:
            path = f"{os.path.realpath(f'{self.sockets}/{connection_name}')}/.s.PGSQL.5432"
            return Connection(self.user, database=self.database, unix_sock=path, ssl_context=False)
        from google.cloud.sql.connector import Connector, IPTypes

        connector = Connector(ip_type=IPTypes.PRIVATE, enable_iam_auth=True)
        return connector.connect(connection_name, "pg8000", user=self.user, db=self.database)


def from_stack(stack: Stack) -> Target:
    """Return the local system. Raises CommandFailed."""
    cloud_sql, postgres = stack.part("cloud_sql"), stack.part("postgres")
    return Target(
        project=cloud_sql["project"],
        instance=cloud_sql["instance"],
        database=postgres["database"],
        user=postgres["user"],
        redis_url=stack.content.get("redis", {}).get("url"),
        endpoint=cloud_sql["endpoint"],
        sockets=cloud_sql["sockets"],
    )
