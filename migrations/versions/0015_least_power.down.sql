ALTER TABLE audit_log DROP COLUMN written_by;

REVOKE INSERT (caller, key, request_hash, expires_at), UPDATE (request_hash, answer, expires_at)
    ON idempotency_keys FROM utxoiq_backfill, utxoiq_metrics, utxoiq_backup, utxoiq_database;
GRANT INSERT, UPDATE ON idempotency_keys TO utxoiq_backfill, utxoiq_metrics, utxoiq_backup, utxoiq_database;
DROP POLICY own_keys ON idempotency_keys;
ALTER TABLE idempotency_keys DISABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys DROP COLUMN owner;

GRANT EXECUTE ON FUNCTION system_metrics_ensure_month(timestamptz) TO utxoiq_database;

CREATE OR REPLACE FUNCTION insight_stats_maintain() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP <> 'UPDATE' AND current_setting('utxoiq.archiving', true) = 'on' THEN
        IF TG_OP = 'DELETE' THEN
            PERFORM archived_insight_stats_apply(OLD.insight_id, OLD.rating, OLD.comment, OLD.flag_type, 1);
        ELSE
            PERFORM archived_insight_stats_apply(NEW.insight_id, NEW.rating, NEW.comment, NEW.flag_type, -1);
        END IF;
        RETURN NULL;
    END IF;
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
