"""The columns of archived rows, for whoever asks where they lie: BigQuery, and DuckDB on one machine."""

# BigQuery's types of what the Parquet objects hold. UUIDs are their 16 bytes there: TO_HEX(id).
COLUMNS = {
    "backfill_jobs": {
        "id": "BYTES",
        "job_type": "STRING",
        "start_block": "INTEGER",
        "end_block": "INTEGER",
        "current_block": "INTEGER",
        "status": "STRING",
        "progress_percentage": "FLOAT",
        "estimated_completion": "TIMESTAMP",
        "error_message": "STRING",
        "started_at": "TIMESTAMP",
        "completed_at": "TIMESTAMP",
        "created_by": "STRING",
        "version": "INTEGER",
    },
    "insight_feedback": {
        "id": "BYTES",
        "insight_id": "STRING",
        "user_id": "STRING",
        "rating": "INTEGER",
        "comment": "STRING",
        "flag_type": "STRING",
        "flag_reason": "STRING",
        "created_at": "TIMESTAMP",
        "updated_at": "TIMESTAMP",
    },
    "system_metrics": {
        "id": "BYTES",
        "service_name": "STRING",
        "metric_type": "STRING",
        "metric_value": "FLOAT",
        "unit": "STRING",
        "timestamp": "TIMESTAMP",
        "metric_metadata": "JSON",
    },
}
