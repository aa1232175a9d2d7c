-- The statements of the release before keep the rollups again, which count everything from here on. Recording waits
-- while the hours that are not folded are counted.
CREATE TABLE system_metrics_wide (
    id              uuid NOT NULL,
    service_name    varchar(100) NOT NULL CONSTRAINT system_metrics_service_name_check CHECK (service_name <> ''),
    metric_type     varchar(50) NOT NULL CONSTRAINT system_metrics_metric_type_check CHECK (metric_type <> ''),
    metric_value    double precision NOT NULL CONSTRAINT system_metrics_metric_value_check
                    CHECK (metric_value > '-Infinity' AND metric_value < 'Infinity'),
    unit            varchar(20) NOT NULL,
    "timestamp"     timestamptz NOT NULL DEFAULT now(),
    metric_metadata jsonb,
    CONSTRAINT system_metrics_pkey PRIMARY KEY ("timestamp", id)
) PARTITION BY RANGE ("timestamp");
CREATE INDEX system_metrics_series ON system_metrics_wide (service_name, metric_type, "timestamp" DESC, id DESC);
CREATE INDEX system_metrics_service ON system_metrics_wide (service_name, "timestamp" DESC, id DESC);
CREATE INDEX system_metrics_type ON system_metrics_wide (metric_type, "timestamp" DESC, id DESC);
CREATE TABLE system_metrics_default PARTITION OF system_metrics_wide DEFAULT;

-- Months that a killed run took out leave as the version after says.
SELECT system_metrics_drop_month(to_date(right(relname, 7), 'YYYY_MM')) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname ~ '^metric_points_[0-9]{4}_[0-9]{2}$'
  AND NOT relispartition;

DO $$
DECLARE
    month date;
BEGIN
    FOR month IN
        SELECT to_date(right(relname, 7), 'YYYY_MM') FROM pg_class JOIN pg_inherits ON inhrelid = pg_class.oid
        WHERE inhparent = 'metric_points'::regclass AND relname ~ '^metric_points_[0-9]{4}_[0-9]{2}$'
        ORDER BY relname
    LOOP
        EXECUTE format('CREATE TABLE %I PARTITION OF system_metrics_wide FOR VALUES FROM (%L) TO (%L)',
            'system_metrics_' || to_char(month, 'YYYY_MM'), month::timestamp AT TIME ZONE 'UTC',
            (month + interval '1 month') AT TIME ZONE 'UTC');
    END LOOP;
END
$$;

REVOKE ALL ON system_metrics_wide FROM PUBLIC;
GRANT SELECT, INSERT ON system_metrics_wide TO utxoiq_metrics, utxoiq_backup, utxoiq_import;
GRANT INSERT ON system_metrics_wide TO utxoiq_database;
GRANT SELECT, INSERT, DELETE ON system_metrics_wide TO utxoiq_retention;
GRANT SELECT ON system_metrics_default TO utxoiq_retention;

SELECT system_metrics_lock();
CREATE OR REPLACE VIEW system_metrics AS
SELECT id, service_name, metric_type, metric_value, unit, "timestamp", metric_metadata
FROM metric_points JOIN metric_series USING (series)
UNION ALL
SELECT id, service_name, metric_type, metric_value, unit, "timestamp", metric_metadata FROM system_metrics_wide;
DROP TRIGGER metric_rollups_folded ON metric_rollups;
DROP FUNCTION metric_rollups_ignore();

WITH mark AS (
    SELECT folded, date_trunc('day', folded, 'UTC') AS day FROM metric_watermark
), late AS (
    SELECT service_name, metric_type, bucket, value_count, value_sum, value_min, value_max, first_at, last_at
    FROM metric_deltas JOIN metric_series USING (series), mark WHERE bucket < folded
), fresh AS (
    SELECT service_name, metric_type, date_trunc('hour', "timestamp", 'UTC') AS bucket, count(*) AS value_count,
           sum(CASE WHEN abs(metric_value) > 1e-280 THEN metric_value * 5.421010862427522e-20 ELSE 0 END) AS value_sum,
           min(metric_value) AS value_min, max(metric_value) AS value_max,
           min("timestamp") AS first_at, max("timestamp") AS last_at
    FROM metric_points JOIN metric_series USING (series), mark WHERE "timestamp" >= folded
    GROUP BY 1, 2, 3
), hours AS (
    SELECT service_name, metric_type, bucket, value_count, value_sum, value_min, value_max, first_at, last_at
    FROM metric_rollups, mark WHERE resolution = 'hour' AND bucket >= day AND bucket < folded
), parts AS (
    -- Hours of old days change by what came late; of the present one and those after it days are summed up anew.
    SELECT 'hour' AS resolution, fresh.*, true AS is_whole FROM fresh
    UNION ALL
    SELECT 'hour', late.*, false FROM late
    UNION ALL
    SELECT 'day', service_name, metric_type, date_trunc('day', bucket, 'UTC'), value_count, value_sum, value_min,
           value_max, first_at, last_at, bucket >= day
    FROM late, mark
    UNION ALL
    SELECT 'day', service_name, metric_type, date_trunc('day', bucket, 'UTC'), value_count, value_sum, value_min,
           value_max, first_at, last_at, true
    FROM (SELECT hours.* FROM hours UNION ALL SELECT fresh.* FROM fresh) AS counted
), totals AS (
    SELECT service_name, metric_type, resolution, bucket, sum(value_count) AS value_count, sum(value_sum) AS value_sum,
           min(value_min) AS value_min, max(value_max) AS value_max, min(first_at) AS first_at, max(last_at) AS last_at,
           bool_or(is_whole) AS is_whole
    FROM parts GROUP BY 1, 2, 3, 4
)
INSERT INTO metric_rollups AS rollup (
    service_name, metric_type, resolution, bucket, value_count, value_sum, value_min, value_max, first_at, last_at)
SELECT totals.service_name, totals.metric_type, totals.resolution, totals.bucket,
       totals.value_count + coalesce(kept.value_count, 0), totals.value_sum + coalesce(kept.value_sum, 0),
       least(totals.value_min, kept.value_min), greatest(totals.value_max, kept.value_max),
       least(totals.first_at, kept.first_at), greatest(totals.last_at, kept.last_at)
FROM totals LEFT JOIN metric_rollups AS kept
  ON kept.service_name = totals.service_name AND kept.metric_type = totals.metric_type
 AND kept.resolution = totals.resolution AND kept.bucket = totals.bucket AND NOT totals.is_whole
ON CONFLICT (service_name, metric_type, resolution, bucket) DO UPDATE SET
    value_count = excluded.value_count, value_sum = excluded.value_sum, value_min = excluded.value_min,
    value_max = excluded.value_max, first_at = excluded.first_at, last_at = excluded.last_at;
DELETE FROM metric_deltas;
UPDATE metric_watermark SET folded = '-infinity', closing = '-infinity';
