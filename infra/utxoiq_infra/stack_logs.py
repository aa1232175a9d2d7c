"""Which log lines are this stack's, and how a bucket of them is encrypted."""

from pulumi_gcp import logging

from utxoiq_infra.configuration.catalog import FUNCTIONS, SCHEDULES
from utxoiq_infra.configuration.settings import Configuration
from utxoiq_infra.encryption import Encryption

# Filters, in which {prefix}, {project}, {functions} and {jobs} are the stack's. By whole names: of two stacks of a
# project, one may be called as another's begin.
FUNCTION_LINES = 'resource.type="cloud_run_revision" resource.labels.service_name=~"^{prefix}-({functions})$"'
JOB_LINES = 'resource.type="cloud_scheduler_job" resource.labels.job_id=~"^{prefix}-({jobs})$"'


def within_stack(configuration: Configuration, log_filter: str) -> str:
    """Return the filter with the stack's names in it."""
    return log_filter.format(
        prefix=configuration.prefix,
        project=configuration.project,
        functions="|".join(spec.name for spec in FUNCTIONS),
        jobs="|".join(row.name for row in SCHEDULES),
    )


def encrypt_logs(encryption: Encryption) -> logging.ProjectBucketConfigCmekSettingsArgs | None:
    """Return the settings of a log bucket in the stack's region; None for Google's own key."""
    if encryption.key is None:
        return None
    return logging.ProjectBucketConfigCmekSettingsArgs(kms_key_name=encryption.key)
