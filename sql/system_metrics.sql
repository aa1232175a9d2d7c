-- name: record
-- Sums are kept scaled by 2^-64, which is exact, so that no sum of finite values overflows. What is too small to be
-- scaled counts as 0 in them.
-- Rollups are locked in the order of their keys: two batches at once cannot deadlock.
WITH input AS (
    SELECT *, CASE WHEN abs(metric_value) > 1e-280 THEN metric_value * 5.421010862427522e-20 ELSE 0 END AS scaled
    FROM unnest(
        :ids::uuid[], :service_names::varchar[], :metric_types::varchar[], :metric_values::float8[],
        :units::varchar[], :timestamps::timestamptz[], :metadata::jsonb[]
    ) AS input (id, service_name, metric_type, metric_value, unit, "timestamp", metric_metadata)
), stored AS (
    INSERT INTO system_metrics ({system_metrics})
    SELECT {system_metrics} FROM input
), audited AS (
    INSERT INTO audit_log (actor, key_id, action, subject, details, address, request_id)
    SELECT * FROM unnest(
        :actors::varchar[], :key_ids::varchar[], :actions::varchar[], :subjects::varchar[], :details::jsonb[],
        :addresses::varchar[], :request_ids::varchar[])
), hours AS (
    SELECT service_name, metric_type, 'hour' AS resolution, date_bin('1 hour', "timestamp", 'epoch') AS bucket,
           count(*) AS value_count, sum(scaled) AS value_sum, min(metric_value) AS value_min,
           max(metric_value) AS value_max, min("timestamp") AS first_at, max("timestamp") AS last_at
    FROM input GROUP BY 1, 2, 4
), days AS (
    SELECT service_name, metric_type, 'day', date_bin('1 day', bucket, 'epoch') AS bucket,
           sum(value_count), sum(value_sum), min(value_min), max(value_max), min(first_at), max(last_at)
    FROM hours GROUP BY 1, 2, 4
)
INSERT INTO metric_rollups AS rollup (
    service_name, metric_type, resolution, bucket, value_count, value_sum, value_min, value_max, first_at, last_at)
SELECT * FROM hours UNION ALL SELECT * FROM days
ORDER BY service_name, metric_type, resolution, bucket
ON CONFLICT (service_name, metric_type, resolution, bucket) DO UPDATE SET
    value_count = rollup.value_count + excluded.value_count,
    value_sum = rollup.value_sum + excluded.value_sum,
    value_min = least(rollup.value_min, excluded.value_min),
    value_max = greatest(rollup.value_max, excluded.value_max),
    first_at = least(rollup.first_at, excluded.first_at),
    last_at = greatest(rollup.last_at, excluded.last_at)

-- name: find_metrics
-- A page is cut where its rows would take more than :most_bytes; its first row always comes. A row takes its metadata's
-- text, and 1300 bytes at most for the rest: 170 characters of up to six bytes, and what is around them.
WITH page AS (
    SELECT {system_metrics} FROM system_metrics
    WHERE "timestamp" >= :start_time AND "timestamp" <= :end_time
      AND service_name = :service_name -- if given
      AND metric_type = :metric_type -- if given
      AND ("timestamp", id) < (:after_time::timestamptz, :after_id::uuid) -- if given
    ORDER BY "timestamp" DESC, id DESC
    LIMIT :limit::bigint + 1 OFFSET :offset::bigint
), whole AS MATERIALIZED (
    SELECT 1300 * count(*) + coalesce(sum(octet_length(metric_metadata::text)), 0) AS bytes FROM page
), shown AS MATERIALIZED (
    (SELECT {system_metrics} FROM page WHERE (SELECT bytes <= :most_bytes::bigint FROM whole)
     ORDER BY "timestamp" DESC, id DESC LIMIT :limit::bigint)
    UNION ALL
    SELECT {system_metrics} FROM (
        SELECT *, row_number() OVER newest AS place,
               sum(1300 + coalesce(octet_length(metric_metadata::text), 0)) OVER newest AS bytes
        FROM page WHERE (SELECT bytes > :most_bytes::bigint FROM whole)
        WINDOW newest AS (ORDER BY "timestamp" DESC, id DESC ROWS UNBOUNDED PRECEDING)
    ) AS measured
    WHERE place <= :limit::bigint AND (bytes <= :most_bytes::bigint OR place = 1)
)
SELECT coalesce(json_agg({answer system_metrics shown} ORDER BY "timestamp" DESC, id DESC), '[]')::text,
       CASE WHEN (SELECT count(*) FROM page) > (SELECT count(*) FROM shown) THEN (
           SELECT "timestamp" || ' ' || id FROM shown ORDER BY "timestamp", id LIMIT 1) END
FROM shown

-- name: aggregate
-- Whole days from daily rollups, whole hours of the days at the edges from hourly ones, and only what is left of the
-- hours at the edges from the rows. A bucket is whole if its first and last value lie in the range.
-- An average lies within its bounds, also where rounding would take it out of them, or out of what a float8 can hold:
-- 9.745314011399998e288 is the largest value, scaled.
WITH days AS MATERIALIZED (
    SELECT bucket, value_count, value_sum, value_min, value_max, first_at, last_at FROM metric_rollups
    WHERE service_name = :service_name AND metric_type = :metric_type AND resolution = 'day' AND :interval <> 'hour'
      AND bucket >= date_trunc('day', :start_time::timestamptz, 'UTC') AND bucket <= :end_time
), hours AS MATERIALIZED (
    SELECT hour.bucket, hour.value_count, hour.value_sum, hour.value_min, hour.value_max, hour.first_at, hour.last_at
    FROM days
    JOIN metric_rollups AS hour
      ON hour.service_name = :service_name AND hour.metric_type = :metric_type AND hour.resolution = 'hour'
     AND hour.bucket >= days.bucket AND hour.bucket < days.bucket + interval '1 day'
    WHERE days.first_at < :start_time OR days.last_at > :end_time
    UNION ALL
    SELECT bucket, value_count, value_sum, value_min, value_max, first_at, last_at FROM metric_rollups
    WHERE service_name = :service_name AND metric_type = :metric_type AND resolution = 'hour' AND :interval = 'hour'
      AND bucket >= date_trunc('hour', :start_time::timestamptz, 'UTC') AND bucket <= :end_time
), parts AS (
    SELECT bucket, value_count, value_sum, value_min, value_max FROM days
    WHERE first_at >= :start_time AND last_at <= :end_time
    UNION ALL
    SELECT bucket, value_count, value_sum, value_min, value_max FROM hours
    WHERE first_at >= :start_time AND last_at <= :end_time
    UNION ALL
    SELECT hours.bucket, metrics.* FROM hours CROSS JOIN LATERAL (
        SELECT count(*),
               sum(CASE WHEN abs(metric_value) > 1e-280 THEN metric_value * 5.421010862427522e-20 ELSE 0 END),
               min(metric_value), max(metric_value)
        FROM system_metrics
        WHERE service_name = :service_name AND metric_type = :metric_type
          AND "timestamp" >= greatest(hours.bucket, :start_time) AND "timestamp" <= :end_time
          AND "timestamp" < hours.bucket + interval '1 hour'
        HAVING count(*) > 0
    ) AS metrics
    WHERE (hours.first_at < :start_time OR hours.last_at > :end_time)
      AND hours.last_at >= :start_time AND hours.first_at <= :end_time
), buckets AS (
    SELECT date_trunc(:interval, bucket, 'UTC') AS "timestamp",
           least(greatest(
               least(greatest(sum(value_sum) / sum(value_count), -9.745314011399998e288), 9.745314011399998e288)
                   * 18446744073709551616,
               min(value_min)), max(value_max)) AS avg_value,
           min(value_min) AS min_value, max(value_max) AS max_value, sum(value_count)::bigint AS count
    FROM parts GROUP BY 1
)
SELECT json_build_object(
    'service_name', :service_name::text, 'metric_type', :metric_type::text, 'interval', :interval::text,
    'start_time', {time :start_time::timestamptz}, 'end_time', {time :end_time::timestamptz},
    'data', coalesce(json_agg((SELECT answer FROM (SELECT
        {time "timestamp"} AS "timestamp", avg_value, min_value, max_value, count) AS answer)
        ORDER BY "timestamp"), '[]'))::text
FROM buckets
