REVOKE SELECT (row_count) ON archive_objects FROM utxoiq_metrics;
