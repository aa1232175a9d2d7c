CREATE OR REPLACE FUNCTION system_metrics_detach_month(month date) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
BEGIN
    IF (month + interval '1 month') AT TIME ZONE 'UTC' > now() THEN
        RAISE EXCEPTION 'the month % has not passed', to_char(month, 'YYYY-MM');
    END IF;
    EXECUTE format('ALTER TABLE metric_points DETACH PARTITION %I', system_metrics_month_name(month));
END
$$;

CREATE OR REPLACE VIEW metric_parts AS
SELECT service_name, metric_type, resolution, bucket, value_count, value_sum, value_min, value_max, first_at, last_at
FROM metric_rollups
WHERE bucket < (SELECT date_trunc(resolution, folded, 'UTC') FROM metric_watermark)
UNION ALL
SELECT service_name, metric_type, resolution, date_trunc(resolution, bucket, 'UTC'),
       value_count, value_sum, value_min, value_max, first_at, last_at
FROM metric_deltas JOIN metric_series USING (series)
CROSS JOIN (VALUES ('hour'::varchar), ('day')) AS resolutions (resolution)
WHERE bucket < (SELECT date_trunc(resolution, folded, 'UTC') FROM metric_watermark);

DROP TABLE metric_slices;
