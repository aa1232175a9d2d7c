"""The archive of expired rows: who may write it, and the tables by which BigQuery reads it."""

import json
from collections.abc import Sequence

import pulumi
from pulumi_gcp import bigquery, projects, storage

from utxoiq_infra import archived_columns
from utxoiq_infra.component import Component
from utxoiq_infra.configuration.catalog import RETENTION
from utxoiq_infra.configuration.settings import Configuration
from utxoiq_infra.encryption import Encryption
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
# What a manifest tells of its object, or of one that was withdrawn.
MANIFEST_COLUMNS = ("object", "withdrawn")
VIEW = """\
WITH manifests AS (SELECT object, withdrawn FROM `{project}.{dataset}.{manifests}`)
SELECT * FROM `{project}.{dataset}.{objects}`
WHERE _FILE_NAME IN (SELECT CONCAT("gs://{bucket}/", object) FROM manifests WHERE object IS NOT NULL)
  AND _FILE_NAME NOT IN (SELECT CONCAT("gs://{bucket}/", withdrawn) FROM manifests WHERE withdrawn IS NOT NULL)
"""
# A query that names no day would read, and cost, all of it.
LARGE = frozenset({"system_metrics"})
# Whose rows users export.
PERSONAL = "insight_feedback"
# The keeper's, on archived feedback and its manifests.
EXPUNGING = ("storage.objects.delete", "storage.objects.get", "storage.objects.list")


class Archive(Component):
    """The archive of expired rows.

    The retention function, whose account is the writer, depends on `grants` and receives `environment`; the feedback
    function, whose account is the reader, depends on `reader_grants` and receives `reader_environment`, and so does the
    keeper, on `keeper_grants`.
    """

    def __init__(
        self,
        name: str,
        configuration: Configuration,
        bucket: storage.Bucket,
        writer: Account,
        reader: Account,
        keeper: Account,
        encryption: Encryption,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Archive", name, opts)
        self._configuration = configuration
        self._bucket = bucket
        # It creates and reads; nobody who serves replaces or deletes what is archived.
        self.grants: list[pulumi.Resource] = [
            self._grant("writer", "roles/storage.objectCreator", writer),
            self._grant("reader", "roles/storage.objectViewer", writer),
        ]
        self.reader_grants = [self._grant("exporter", "roles/storage.objectViewer", reader, f"{PERSONAL}/")]
        expunger = projects.IAMCustomRole(
            f"{name}-expunger",
            role_id=f"{name}-expunger".replace("-", "_"),
            project=configuration.project,
            title=f"{name}-expunger",
            permissions=list(EXPUNGING),
            opts=self.own(),
        )
        self.keeper_grants = [self._grant("expunger", expunger.name, keeper, f"{PERSONAL}/", f"manifests/{PERSONAL}/")]
        self.dataset = bigquery.Dataset(
            name,
            dataset_id=name.replace("-", "_"),
            project=configuration.project,
            location=configuration.backup_region,  # the bucket's
            description="What retention archived, read from the bucket",
            # Of the answers to queries: the tables hold nothing themselves.
            default_encryption_configuration=bigquery.DatasetDefaultEncryptionConfigurationArgs(
                kms_key_name=encryption.backup_key
            )
            if encryption.backup_key
            else None,
            labels=configuration.labels,
            opts=self.own(depends_on=encryption.grants),
        )
        manifests = self._manifests()
        for table in COLUMNS:
            self._view(table, self._objects(table), manifests)
        self.register_outputs({})

    @property
    def environment(self) -> dict[str, pulumi.Input[str]]:
        """Return the environment variables of the retention function."""
        settings = self._configuration.storage
        budget = self._configuration.sizing[RETENTION.name].timeout_seconds - MARGIN_SECONDS
        return {
            "ARCHIVE_BUCKET": self._bucket.name,
            "RETENTION_BACKFILL_DAYS": str(settings.backfill_hot),
            "RETENTION_FEEDBACK_DAYS": str(settings.feedback_hot),
            "RETENTION_METRICS_DAYS": str(settings.metrics_hot),
            "RETENTION_AUDIT_DAYS": str(settings.audit_hot),
            "ARCHIVE_DAYS": str(settings.archive),
            "ARCHIVE_METRICS_DAYS": str(settings.metrics),
            "RETENTION_BUDGET_SECONDS": str(budget),
            "DB_STATEMENT_TIMEOUT_MS": str(STATEMENT_TIMEOUT_MS),
        }

    @property
    def reader_environment(self) -> dict[str, pulumi.Input[str]]:
        """Return the environment variables of the feedback function and of the keeper."""
        return {"ARCHIVE_BUCKET": self._bucket.name}

    def _grant(self, purpose: str, role: pulumi.Input[str], account: Account, *prefixes: str) -> pulumi.Resource:
        """Give an account a role: with prefixes on objects whose names begin with one, and on listing all names."""
        path = pulumi.Output.concat("projects/_/buckets/", self._bucket.name)
        return storage.BucketIAMMember(
            f"{self.pulumi_resource_name}-{purpose}",
            bucket=self._bucket.name,
            role=role,
            member=account.member,
            condition=storage.BucketIAMMemberConditionArgs(
                title="Archived feedback only",
                expression=path.apply(lambda bucket: _only(bucket, prefixes)),
            )
            if prefixes
            else None,
            opts=self.own(),
        )

    def _manifests(self) -> bigquery.Table:
        """What says which objects are part of the archive, and which were withdrawn from it."""
        schema = [{"name": column, "type": "STRING"} for column in MANIFEST_COLUMNS]
        return bigquery.Table(
            f"{self.pulumi_resource_name}-manifests",
            dataset_id=self.dataset.dataset_id,
            table_id="manifests",
            project=self._configuration.project,
            deletion_protection=False,  # it holds no data
            external_data_configuration=bigquery.TableExternalDataConfigurationArgs(
                source_format="NEWLINE_DELIMITED_JSON",
                autodetect=False,
                ignore_unknown_values=True,
                schema=json.dumps(schema),
                source_uris=[pulumi.Output.concat("gs://", self._bucket.name, "/manifests/*.json")],
            ),
            labels=self._configuration.labels,
            opts=self.own(),
        )

    def _view(self, table: str, objects: bigquery.Table, manifests: bigquery.Table) -> bigquery.Table:
        """The rows of those objects that have a manifest and were not withdrawn."""
        return bigquery.Table(
            f"{self.pulumi_resource_name}-{table}",
            dataset_id=self.dataset.dataset_id,
            table_id=table,
            project=self._configuration.project,
            deletion_protection=False,  # it holds no data
            view=bigquery.TableViewArgs(
                query=pulumi.Output.format(
                    VIEW,
                    project=self._configuration.project,
                    dataset=self.dataset.dataset_id,
                    bucket=self._bucket.name,
                    objects=objects.table_id,
                    manifests=manifests.table_id,
                ),
                use_legacy_sql=False,
            ),
            labels=self._configuration.labels,
            opts=self.own(depends_on=[objects, manifests]),
        )

    def _objects(self, table: str) -> bigquery.Table:
        """All objects of a table. Its schema is given: there may be no object yet to take it from."""
        name = f"{self.pulumi_resource_name}-{table}-objects"
        folder = pulumi.Output.concat("gs://", self._bucket.name, "/", table, "/")
        schema = [{"name": column, "type": kind} for column, kind in COLUMNS[table].items()]
        return bigquery.Table(
            name,
            dataset_id=self.dataset.dataset_id,
            table_id=f"{table}_objects",
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


def _only(bucket: str, prefixes: Sequence[str]) -> str:
    """Return a condition. A list is the bucket's, so it shows the names of all objects."""
    objects = (f'resource.name.startsWith("{bucket}/objects/{prefix}")' for prefix in prefixes)
    return " || ".join((f'resource.name == "{bucket}"', *objects))
