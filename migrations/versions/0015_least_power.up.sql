-- What a function may do is checked by who has logged in (session_user), function by function.

-- Rows move between a table and the archive by retention alone. Anybody may set a variable, so that proves nothing.
CREATE OR REPLACE FUNCTION insight_stats_maintain() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP <> 'UPDATE' AND current_setting('utxoiq.archiving', true) = 'on' THEN
        IF NOT pg_has_role(session_user, 'utxoiq_retention', 'MEMBER') THEN
            RAISE EXCEPTION '% does not move rows to the archive or back', session_user USING ERRCODE = '42501';
        END IF;
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

-- Any month at all: retention's. The others make the months ahead of now, which are four.
REVOKE EXECUTE ON FUNCTION system_metrics_ensure_month(timestamptz) FROM utxoiq_database;

-- Answers that are kept for a retry are read by the function that gave them, and by no other. Those from before have no
-- owner, and go within a day.
ALTER TABLE idempotency_keys ADD COLUMN owner name;
ALTER TABLE idempotency_keys ALTER COLUMN owner SET DEFAULT session_user;
ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_keys ON idempotency_keys
    USING (owner = session_user OR owner IS NULL) WITH CHECK (owner = session_user);
-- Whose they are is not for them to say.
REVOKE INSERT, UPDATE ON idempotency_keys FROM utxoiq_backfill, utxoiq_metrics, utxoiq_backup, utxoiq_database;
GRANT INSERT (caller, key, request_hash, expires_at), UPDATE (request_hash, answer, expires_at)
    ON idempotency_keys TO utxoiq_backfill, utxoiq_metrics, utxoiq_backup, utxoiq_database;

-- An entry says who wrote it: a function that is taken over can name another actor, and no other function.
ALTER TABLE audit_log ADD COLUMN written_by name;
ALTER TABLE audit_log ALTER COLUMN written_by SET DEFAULT session_user;
