"""Fill a range of blocks, report progress, and record how long each part took."""

import os
import time

from utxoiq_persistence_client import PersistenceClient, StaleVersion, pages, result
from utxoiq_persistence_client.generated.api.backfill import list_backfill_jobs
from utxoiq_persistence_client.generated.api.feedback import get_feedback_statistics
from utxoiq_persistence_client.generated.models import JobProgress, NewJob, NewMetric

with PersistenceClient(os.environ["BASE"], api_key=os.environ["KEY"]) as client:
    job = client.start_job(NewJob(job_type="utxo_set", start_block=0, end_block=300))
    with client.metric_batches() as metrics:
        for block in (100, 200, 300):
            began = time.monotonic()
            # the work
            took = 1000 * (time.monotonic() - began)
            metrics.add(NewMetric(service_name="utxo-filler", metric_type="latency", metric_value=took, unit="ms"))
            try:
                job = client.report_progress(job, JobProgress(current_block=block))
            except StaleVersion:
                job = client.refresh(job)  # somebody else reported meanwhile
    job = client.report_progress(job, JobProgress(status="completed"))
    print(job.status, metrics.recorded)

    # Every operation of the API is in `generated`.
    for page in pages(list_backfill_jobs.sync_detailed, client=client, job_type="utxo_set", limit=100):
        for found in page:
            print(found.id, found.status, found.started_at)
    print(result(get_feedback_statistics.sync_detailed(client=client, insight_id="whale-alert-42")).average_rating)
