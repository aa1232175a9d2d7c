"""The archive of expired rows: who may write it, and the tables by which BigQuery reads it."""

import json

import pulumi
from pulumi_gcp import bigquery, storage

from utxoiq_infra import archived_columns
from utxoiq_infra.component import Component
from utxoiq_infra.configuration.catalog import RETENTION
from utxoiq_infra.configuration.settings import Configuration
from utxoiq_infra.identity import Account

# A run starts nothing more so long before its function's time is over: the part under way has to end.
MARGIN_SECONDS = 60
# Comparing a large month with its archive is one statement.
STATEMENT_TIMEOUT_MS = 300_000
# An object's day, in its name.
PARTITIONS = "{year:INTEGER}/{month:INTEGER}/{day:INTEGER}"
# BigQuery's types of what the Parquet objects hold, by PostgreSQL's. UUIDs are their 16 bytes there: TO_HEX(id).
TYPES = {
    "uuid": "BYTES",
    "jsonb": "JSON",
    "timestamp with time zone": "TIMESTAMP",
    "character varying": "STRING",
    "text": "STRING",
    "boolean": "BOOLEAN",
    "smallint": "INTEGER",
    "integer": "INTEGER",
    "bigint": "INTEGER",
    "double precision": "FLOAT",
    "date": "DATE",
    "bytea": "BYTES",
}
# Every column takes null: BigQuery finds none where an object is older than the column.
COLUMNS = {
    table: {column: TYPES[kind] for column, kind in columns.items()}
    for table, columns in archived_columns.read().items()
}
# A query that names no day would read, and cost, all of it.
LARGE = frozenset({"system_metrics"})
# Whose rows users export.
PERSONAL = "insight_feedback"


class Archive(Component):
    """The archive of expired rows.

    The retention function, whose account is the writer, depends on `grant` and receives `environment`; the feedback
    function, whose account is the reader, depends on `reader_grant` and receives `reader_environment`.
    """

    def __init__(
        self,
        name: str,
        configuration: Configuration,
        bucket: storage.Bucket,
        writer: Account,
        reader: Account,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Archive", name, opts)
        self._configuration = configuration
        self._bucket = bucket
        self.grant = storage.BucketIAMMember(
            f"{name}-writer",
            bucket=bucket.name,
            role="roles/storage.objectUser",
            member=writer.member,
            opts=self.own(),
        )
        self.reader_grant = storage.BucketIAMMember(
            f"{name}-reader",
            bucket=bucket.name,
            role="roles/storage.objectViewer",
            member=reader.member,
            condition=storage.BucketIAMMemberConditionArgs(
                title="Archived feedback only",
                expression=pulumi.Output.concat(
                    'resource.name.startsWith("projects/_/buckets/', bucket.name, f'/objects/{PERSONAL}/")'
                ),
            ),
            opts=self.own(),
        )
        self.dataset = bigquery.Dataset(
            name,
            dataset_id=name.replace("-", "_"),
            project=configuration.project,
            location=configuration.backup_region,  # the bucket's
            description="What retention archived, read from the bucket",
            labels=configuration.labels,
            opts=self.own(),
        )
        for table in COLUMNS:
            self._table(table)
        self.register_outputs({})

    @property
    def environment(self) -> dict[str, pulumi.Input[str]]:
        """Return the environment variables of the retention function."""
        settings = self._configuration.storage
        budget = self._configuration.sizing[RETENTION.name].timeout_seconds - MARGIN_SECONDS
        return {
            "ARCHIVE_BUCKET": self._bucket.name,
            "ARCHIVE_RETENTION_DAYS": str(settings.archive_retention),
            "RETENTION_BACKFILL_DAYS": str(settings.backfill_hot),
            "RETENTION_FEEDBACK_DAYS": str(settings.feedback_hot),
            "RETENTION_METRICS_DAYS": str(settings.metrics_hot),
            "RETENTION_BUDGET_SECONDS": str(budget),
            "DB_STATEMENT_TIMEOUT_MS": str(STATEMENT_TIMEOUT_MS),
        }

    @property
    def reader_environment(self) -> dict[str, pulumi.Input[str]]:
        """Return the environment variables of the feedback function."""
        return {"ARCHIVE_BUCKET": self._bucket.name}

    def _table(self, table: str) -> bigquery.Table:
        """Its schema is given: there may be no object yet to take it from."""
        name = f"{self.pulumi_resource_name}-{table}"
        folder = pulumi.Output.concat("gs://", self._bucket.name, "/", table, "/")
        schema = [{"name": column, "type": kind} for column, kind in COLUMNS[table].items()]
        return bigquery.Table(
            name,
            dataset_id=self.dataset.dataset_id,
            table_id=table,
            project=self._configuration.project,
            deletion_protection=False,  # it holds no data
            external_data_configuration=bigquery.TableExternalDataConfigurationArgs(
                source_format="PARQUET",
                autodetect=False,
                schema=json.dumps(schema),
                source_uris=[pulumi.Output.concat(folder, "*.parquet")],
                hive_partitioning_options=bigquery.TableExternalDataConfigurationHivePartitioningOptionsArgs(
                    mode="CUSTOM",
                    source_uri_prefix=pulumi.Output.concat(folder, PARTITIONS),
                    require_partition_filter=table in LARGE,
                ),
            ),
            labels=self._configuration.labels,
            opts=self.own(),
        )
