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
    -- Rows that move between tables, or come back from the archive, were counted when they came first.
    IF current_setting('utxoiq.archiving', true) = 'on' THEN
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

DROP POLICY read_by_all ON schedule_successes;
DROP POLICY noted_by_its_function ON schedule_successes;
ALTER TABLE schedule_successes DISABLE ROW LEVEL SECURITY;
