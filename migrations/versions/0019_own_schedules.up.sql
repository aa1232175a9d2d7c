-- That a schedule did its work is noted by the function that does it, and by no other, and for no time to come: whoever
-- takes over one function keeps nobody from hearing that another's work was not done.
ALTER TABLE schedule_successes ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_by_all ON schedule_successes FOR SELECT USING (true);
CREATE POLICY noted_by_its_function ON schedule_successes
    USING (pg_has_role(session_user, CASE
        WHEN schedule = 'publish-metrics' THEN 'utxoiq_database'
        WHEN schedule = 'sketch-metrics' THEN 'utxoiq_metrics'
        WHEN schedule IN ('partitions', 'retention') THEN 'utxoiq_retention'
        WHEN schedule IN ('backup', 'export', 'watch-backups', 'verify-backup', 'continue-verification') THEN 'utxoiq_backup'
    END, 'MEMBER'))
    WITH CHECK (succeeded_at <= now() AND pg_has_role(session_user, CASE
        WHEN schedule = 'publish-metrics' THEN 'utxoiq_database'
        WHEN schedule = 'sketch-metrics' THEN 'utxoiq_metrics'
        WHEN schedule IN ('partitions', 'retention') THEN 'utxoiq_retention'
        WHEN schedule IN ('backup', 'export', 'watch-backups', 'verify-backup', 'continue-verification') THEN 'utxoiq_backup'
    END, 'MEMBER'));

-- Whoever takes over a function that records metrics makes none that aggregates leave out.
CREATE OR REPLACE FUNCTION metric_points_note_late() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp
    AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'metrics are recorded in transactions that are READ COMMITTED'
            USING ERRCODE = 'feature_not_supported';
    END IF;
    -- Nothing is late, as a rule; to know that costs a quarter of what it costs to add up nothing.
    IF NOT EXISTS (SELECT FROM recorded WHERE "timestamp" < (SELECT closing FROM metric_watermark)) THEN
        RETURN NULL;
    END IF;
    -- Rows that move between tables, or come back from the archive, were counted when they came first. Only who moves them
    -- is believed that they do: retention, and whoever the tables belong to.
    IF current_setting('utxoiq.archiving', true) = 'on' AND (
        pg_has_role(session_user, 'utxoiq_retention', 'MEMBER') OR pg_has_role(session_user, current_user, 'MEMBER')
    ) THEN
        RETURN NULL;
    END IF;
    INSERT INTO metric_deltas (series, bucket, value_count, value_sum, value_min, value_max, first_at, last_at)
    SELECT series, date_bin('1 hour', "timestamp", 'epoch'), count(*),
           sum(CASE WHEN abs(metric_value) > 1e-280 THEN metric_value * 5.421010862427522e-20 ELSE 0 END),
           min(metric_value), max(metric_value), min("timestamp"), max("timestamp")
    FROM recorded WHERE "timestamp" < (SELECT closing FROM metric_watermark)
    GROUP BY 1, 2;
    RETURN NULL;
END
$$;
