DROP FUNCTION utxoiq_add_member(text, text);
DROP TABLE idempotency_keys;
DROP TABLE metric_rollups;
DROP TABLE system_metrics;
DROP FUNCTION system_metrics_ensure_month(timestamptz);
DROP TABLE insight_feedback;
DROP FUNCTION insight_stats_maintain();
DROP FUNCTION insight_stats_apply(text, smallint, text, text, integer);
DROP TABLE insight_stats;
DROP TABLE backfill_jobs;

-- With the tables, the roles' rights in this database are gone. They stay where another database gives them rights.
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['utxoiq_backfill', 'utxoiq_feedback', 'utxoiq_metrics', 'utxoiq_database'] LOOP
        BEGIN
            EXECUTE format('DROP ROLE IF EXISTS %I', role_name);
        EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege THEN
            RAISE NOTICE 'the role % stays: it is in use elsewhere', role_name;
        END;
    END LOOP;
END
$$;
