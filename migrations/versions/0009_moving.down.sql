DROP SCHEMA moving CASCADE;

REVOKE SELECT (table_name, state, first_at, last_at) ON archive_objects FROM utxoiq_metrics;

REVOKE ALL ON backfill_jobs, insight_feedback, metric_rollups, system_metrics FROM utxoiq_import;
REVOKE ALL (actor, key_id, action, subject, details, address, request_id) ON audit_log FROM utxoiq_import;
REVOKE ALL ON FUNCTION system_metrics_ensure_month(timestamptz) FROM utxoiq_import;

DO $$
BEGIN
    DROP ROLE IF EXISTS utxoiq_import;
EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege THEN
    RAISE NOTICE 'the role utxoiq_import stays: it is in use elsewhere';
END
$$;
