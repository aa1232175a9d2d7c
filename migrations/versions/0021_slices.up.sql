-- Slices: what an hour of many points has in each five minutes, so that a range that ends within the hour reads the points
-- of five minutes at most. They count all of the hour if value_count is what its rollup and its deltas count, and are for
-- as long as its points are in the table; docs/decisions/0013-narrow-metrics.md.
CREATE TABLE metric_slices (
    service_name varchar(100) NOT NULL,
    metric_type  varchar(50) NOT NULL,
    bucket       timestamptz NOT NULL,
    value_count  bigint NOT NULL CHECK (value_count > 0),
    counts       bigint[] NOT NULL CHECK (cardinality(counts) = 12),
    sums         double precision[] NOT NULL CHECK (cardinality(sums) = 12),
    minima       double precision[] NOT NULL CHECK (cardinality(minima) = 12),
    maxima       double precision[] NOT NULL CHECK (cardinality(maxima) = 12),
    PRIMARY KEY (service_name, metric_type, bucket)
);

REVOKE ALL ON metric_slices FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE ON metric_slices TO utxoiq_metrics;
GRANT SELECT, INSERT, UPDATE, DELETE ON metric_slices TO utxoiq_retention;
GRANT SELECT ON metric_slices TO utxoiq_backup;

-- Deltas by hour and by day apart, so that what is asked of a bucket is asked of their index. Days begin with the epoch's.
CREATE OR REPLACE VIEW metric_parts AS
SELECT service_name, metric_type, resolution, bucket, value_count, value_sum, value_min, value_max, first_at, last_at
FROM metric_rollups
WHERE bucket < (SELECT date_trunc(resolution, folded, 'UTC') FROM metric_watermark)
UNION ALL
SELECT service_name, metric_type, 'hour'::varchar, bucket,
       value_count, value_sum, value_min, value_max, first_at, last_at
FROM metric_deltas JOIN metric_series USING (series)
WHERE bucket < (SELECT folded FROM metric_watermark)
UNION ALL
SELECT service_name, metric_type, 'day'::varchar, date_bin('1 day', bucket, 'epoch'),
       value_count, value_sum, value_min, value_max, first_at, last_at
FROM metric_deltas JOIN metric_series USING (series)
WHERE bucket < (SELECT date_trunc('day', folded, 'UTC') FROM metric_watermark);

-- A month's slices go with its points. Nobody makes any of points that are about to leave: who makes them has the same lock.
CREATE OR REPLACE FUNCTION system_metrics_detach_month(month date) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
BEGIN
    IF (month + interval '1 month') AT TIME ZONE 'UTC' > now() THEN
        RAISE EXCEPTION 'the month % has not passed', to_char(month, 'YYYY-MM');
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('metric_sketches', 0));
    DELETE FROM metric_slices
    WHERE bucket >= month::timestamp AT TIME ZONE 'UTC' AND bucket < (month + interval '1 month') AT TIME ZONE 'UTC';
    EXECUTE format('ALTER TABLE metric_points DETACH PARTITION %I', system_metrics_month_name(month));
END
$$;
