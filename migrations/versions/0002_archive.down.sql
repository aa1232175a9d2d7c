DROP FUNCTION system_metrics_drop_month(date);
DROP FUNCTION system_metrics_detach_month(date);
DROP FUNCTION system_metrics_month_name(date);
DROP FUNCTION system_metrics_ensure_ahead();

-- Without the archive, statistics count what is in the table.
CREATE OR REPLACE FUNCTION insight_stats_maintain() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (OLD.insight_id, OLD.rating, OLD.comment IS NULL, OLD.flag_type)
        IS NOT DISTINCT FROM (NEW.insight_id, NEW.rating, NEW.comment IS NULL, NEW.flag_type) THEN
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        PERFORM insight_stats_apply(OLD.insight_id, OLD.rating, OLD.comment, OLD.flag_type, -1);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM insight_stats_apply(NEW.insight_id, NEW.rating, NEW.comment, NEW.flag_type, 1);
    END IF;
    RETURN NULL;
END
$$;
UPDATE insight_stats AS s SET
    rating_1 = s.rating_1 - a.rating_1,
    rating_2 = s.rating_2 - a.rating_2,
    rating_3 = s.rating_3 - a.rating_3,
    rating_4 = s.rating_4 - a.rating_4,
    rating_5 = s.rating_5 - a.rating_5,
    comments = s.comments - a.comments,
    flags_inaccurate = s.flags_inaccurate - a.flags_inaccurate,
    flags_misleading = s.flags_misleading - a.flags_misleading,
    flags_spam = s.flags_spam - a.flags_spam
FROM archived_insight_stats AS a WHERE a.insight_id = s.insight_id;
DROP FUNCTION archived_insight_stats_apply(text, smallint, text, text, integer);
DROP TABLE archived_insight_stats;

DROP INDEX backfill_jobs_ended;
DROP INDEX insight_feedback_updated;
DROP TABLE retention_runs;
DROP TABLE archive_objects;

REVOKE ALL ON backfill_jobs, insight_feedback, system_metrics, system_metrics_default FROM utxoiq_retention;
REVOKE ALL ON FUNCTION system_metrics_ensure_month(timestamptz) FROM utxoiq_retention;
DO $$
BEGIN
    DROP ROLE utxoiq_retention;
EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege THEN
    RAISE NOTICE 'the role utxoiq_retention stays: it is in use elsewhere';
END
$$;
