"""The system that is recovered: on Google Cloud by name, or the local one by its stack.json."""

import json
import os
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pg8000.dbapi import Connection
from pg8000.exceptions import DatabaseError, InterfaceError

from commands.recover.database import Database
from commands.recover.errors import RecoveryFailed

REPOSITORY = Path(__file__).resolve().parents[3]


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
        """To an instance, by project:region:name. Raises RecoveryFailed."""
        try:
            return Database(self._opened(connection_name))
        except (OSError, InterfaceError, DatabaseError) as error:
            raise RecoveryFailed(
                f"cannot log in to {connection_name} as {self.user}: {error}\n"
                "Instances have private addresses only: run this from inside the network."
            ) from error

    def _opened(self, connection_name: str) -> Connection:
        if self.sockets is not None:
            path = f"{os.path.realpath(f'{self.sockets}/{connection_name}')}/.s.PGSQL.5432"
            return Connection(self.user, database=self.database, unix_sock=path, ssl_context=False)
        from google.cloud.sql.connector import Connector, IPTypes

        connector = Connector(ip_type=IPTypes.PRIVATE, enable_iam_auth=True)
        return connector.connect(connection_name, "pg8000", user=self.user, db=self.database)


def add_options(parser: ArgumentParser) -> None:
    state = Path(os.environ.get("LOCAL_STATE") or REPOSITORY / ".local")
    parser.add_argument("--project", help="on Google Cloud: the project's id; without it, the local system")
    parser.add_argument("--instance", help="on Google Cloud: the Cloud SQL instance, utxoiq-<stack>")
    parser.add_argument("--database", default="utxoiq", help="on Google Cloud (default: utxoiq)")
    parser.add_argument("--user", help="on Google Cloud: your IAM database user, a member of cloudsqlsuperuser")
    parser.add_argument(
        "--redis-url",
        default=os.environ.get("RECOVER_REDIS_URL"),
        help="on Google Cloud: of the cache, which is emptied at the end (or RECOVER_REDIS_URL: it holds a password)",
    )
    parser.add_argument("--stack-file", type=Path, default=state / "stack.json", help="of the local system")


def read(arguments: Namespace) -> Target:
    """Raises RecoveryFailed."""
    if arguments.project is None:
        return _local(arguments.stack_file)
    if arguments.instance is None or arguments.user is None:
        raise RecoveryFailed("with --project, name --instance and --user as well")
    return Target(arguments.project, arguments.instance, arguments.database, arguments.user, arguments.redis_url)


def _local(file: Path) -> Target:
    try:
        stack: dict[str, Any] = json.loads(file.read_text())
    except FileNotFoundError:
        raise RecoveryFailed(f"{file} is missing: start the local system with `make up`, or name --project") from None
    cloud_sql, postgres = stack["cloud_sql"], stack["postgres"]
    return Target(
        project=cloud_sql["project"],
        instance=cloud_sql["instance"],
        database=postgres["database"],
        user=postgres["user"],
        redis_url=stack.get("redis", {}).get("url"),
        endpoint=cloud_sql["endpoint"],
        sockets=cloud_sql["sockets"],
    )
