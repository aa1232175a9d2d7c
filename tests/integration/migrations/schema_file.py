"""Write migrations/schema.sql: what all migrations make of an empty database, as pg_dump tells it.

`python -m tests.integration.migrations.schema_file migrations/schema.sql` starts a PostgreSQL of its own for it.
"""

import argparse
import re
import subprocess
import tempfile
from pathlib import Path

from local_cloud.processes.postgres import Postgres
from local_cloud.processes.postgres_wheel import binaries
from utxoiq_persistence.config import DatabaseSettings
from utxoiq_persistence.postgres import schema

HEADER = "-- The whole schema, written by `make schema` and never by hand; a test compares it with the migrations.\n"
# What says nothing of the schema: pg_dump's protection of psql, versions of programs, settings of the session.
NOISE = re.compile(
    r"^(\\(un)?restrict .*|-- (Dumped|PostgreSQL database dump|Name:).*|SET .*|SELECT pg_catalog\..*|--)$"
)
# Months are made as time goes by, so they are of the day and not of the schema; so is where the audit log's begin.
MONTH = re.compile(r"\b(metric_points_\d{4}_\d{2}|audit_log_\d{4}_\d{2}|audit_log_before)(?!')")


def dump(postgres: Postgres, database: str) -> str:
    """Return everything in `database` but its rows and its months of metrics, as SQL that is the same on every day."""
    command = [f"{binaries()}/pg_dump", f"--host={postgres.socket_dir}", "--username=postgres"]
    output = subprocess.run(
        [*command, "--schema-only", "--no-owner", database], check=True, capture_output=True, text=True
    ).stdout
    return HEADER + normalise(output)


def normalise(sql: str) -> str:
    """Return the statements of a dump, without what says nothing of the schema and with one empty line between two."""
    lines = [line for line in sql.splitlines() if not NOISE.match(line)]
    statements = re.split(r"\n{2,}", "\n".join(lines).strip("\n"))
    return "\n" + "\n\n".join(statement for statement in statements if not MONTH.search(statement)) + "\n"


def migrated_schema() -> str:
    """Return the dump of a new PostgreSQL to which all migrations were applied."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as another user where this program is root's
        with Postgres(Path(folder, "data"), password="unused", settings={"fsync": "off"}) as postgres:
            settings = DatabaseSettings("p:r:i", "postgres", "postgres", str(postgres.socket_dir))
            schema.upgrade(settings, {})
            return dump(postgres, "postgres")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="the file that is written")
    parser.parse_args().file.write_text(migrated_schema())
