-- So that an answer tells how many rows of a range are archived at most.
GRANT SELECT (row_count) ON archive_objects TO utxoiq_metrics;
