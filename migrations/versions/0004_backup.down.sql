DROP FUNCTION backup_count(text);
DROP TABLE backup_verifications;
DROP TABLE backup_runs;

REVOKE ALL ON
    alembic_version, backfill_jobs, insight_feedback, insight_stats, archived_insight_stats, system_metrics,
    metric_rollups, archive_objects, idempotency_keys, audit_log FROM utxoiq_backup;
REVOKE ALL (actor, key_id, action, subject, details, address, request_id) ON audit_log FROM utxoiq_backup;
REVOKE ALL ON FUNCTION api_key_check(bytea), system_metrics_ensure_ahead() FROM utxoiq_backup;

DO $$
BEGIN
    DROP ROLE IF EXISTS utxoiq_backup;
EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege THEN
    RAISE NOTICE 'the role utxoiq_backup stays: it is in use elsewhere';
END
$$;
