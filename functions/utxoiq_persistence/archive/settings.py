"""The settings of retention, from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass

from utxoiq_persistence.config import number, required


@dataclass(frozen=True)
class RetentionSettings:
    """The settings of retention.

    Days count from a row's end: a job's completion, the last change of feedback, a metric's timestamp.

    Attributes:
        project: The Google Cloud project.
        bucket: The name of the archive's bucket.
        backfill_days: How many days jobs stay in the database.
        feedback_days: How many days feedback stays.
        metrics_days: How many days metrics stay.
        locked_days: How many days the bucket refuses to delete an object.
        budget: Seconds after which a run starts nothing more; the next one continues.
    """

    project: str
    bucket: str
    backfill_days: int = 180
    feedback_days: int = 730
    metrics_days: int = 90
    locked_days: int = 0
    budget: float = 480.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "RetentionSettings":
        """Return the settings. Raises ConfigurationError, which names the variable and what it should hold."""
        return cls(
            project=required(environment, "GOOGLE_CLOUD_PROJECT"),
            bucket=required(environment, "ARCHIVE_BUCKET"),
            backfill_days=number(environment, "RETENTION_BACKFILL_DAYS", str(cls.backfill_days), int, 1),
            feedback_days=number(environment, "RETENTION_FEEDBACK_DAYS", str(cls.feedback_days), int, 1),
            metrics_days=number(environment, "RETENTION_METRICS_DAYS", str(cls.metrics_days), int, 1),
            locked_days=number(environment, "ARCHIVE_RETENTION_DAYS", str(cls.locked_days), int, 0),
            budget=number(environment, "RETENTION_BUDGET_SECONDS", str(cls.budget), float, 1),
        )
