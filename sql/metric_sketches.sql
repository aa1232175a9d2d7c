-- Sketches: what a rollup counts, by size. keys are those of metric_sketch_key, counts how many values each has.
-- Of an hour's values, a sketch may lack those that came after it was made; docs/decisions/0056-trends.md.

-- name: lock
-- Until the transaction ends: rows do not leave their table while sketches are made of them.
SELECT pg_advisory_xact_lock(hashtextextended('metric_sketches', 0))

-- name: due
-- Rollups whose sketch lacks values, in the order of their keys. Each series is found by a step through the index,
-- however many rollups lie between it and the next.
WITH RECURSIVE series AS (
    (SELECT service_name, metric_type FROM metric_rollups
     WHERE (service_name, metric_type) >= (:after_service::varchar, :after_type::varchar)
     ORDER BY service_name, metric_type LIMIT 1)
    UNION ALL
    SELECT following.* FROM series CROSS JOIN LATERAL (
        SELECT service_name, metric_type FROM metric_rollups AS rollup
        WHERE (rollup.service_name, rollup.metric_type) > (series.service_name, series.metric_type)
        ORDER BY service_name, metric_type LIMIT 1
    ) AS following
)
SELECT rollup.service_name, rollup.metric_type, rollup.bucket, rollup.value_count
FROM series
JOIN metric_rollups AS rollup USING (service_name, metric_type)
LEFT JOIN metric_sketches AS sketch USING (service_name, metric_type, resolution, bucket)
WHERE resolution = :resolution::text
  AND bucket >= :start_time AND bucket <= :end_time::timestamptz - ('1 ' || :resolution::text)::interval
  AND (service_name, metric_type, bucket) > (:after_service::varchar, :after_type::varchar, :after_bucket::timestamptz)
  AND sketch.value_count IS DISTINCT FROM rollup.value_count
ORDER BY 1, 2, 3
LIMIT :limit

-- name: sketch_hours
-- Those of which every value lies in the table. leaving: also those of which the rest is in the sketch already.
WITH due AS MATERIALIZED (
    SELECT service_name, metric_type, bucket, hour.value_count,
           coalesce(sketch.value_count, 0) AS sketched, sketch.keys, sketch.counts
    FROM unnest(:service_names::varchar[], :metric_types::varchar[], :buckets::timestamptz[])
        AS due (service_name, metric_type, bucket)
    CROSS JOIN LATERAL (
        SELECT 'hour' AS resolution, sum(value_count) AS value_count FROM metric_parts AS part
        WHERE part.service_name = due.service_name AND part.metric_type = due.metric_type
          AND part.resolution = 'hour' AND part.bucket = due.bucket
        HAVING count(*) > 0
    ) AS hour
    LEFT JOIN metric_sketches AS sketch USING (service_name, metric_type, resolution, bucket)
), counted AS MATERIALIZED (
    SELECT due.service_name, due.metric_type, due.bucket, row.key, row.count,
           sum(row.count) OVER (PARTITION BY due.service_name, due.metric_type, due.bucket) AS row_count
    FROM due CROSS JOIN LATERAL (
        SELECT metric_sketch_key(metric_value) AS key, count(*) AS count
        FROM metric_series AS named JOIN metric_points USING (series)
        WHERE named.service_name = due.service_name AND named.metric_type = due.metric_type
          AND "timestamp" >= due.bucket AND "timestamp" < due.bucket + interval '1 hour'
        GROUP BY 1
    ) AS row
), parts AS (
    SELECT service_name, metric_type, bucket, key, count FROM counted JOIN due USING (service_name, metric_type, bucket)
    WHERE row_count = value_count OR (:leaving AND row_count + sketched = value_count)
    UNION ALL
    SELECT service_name, metric_type, bucket, unnest(keys), unnest(counts)
    FROM due JOIN (SELECT DISTINCT service_name, metric_type, bucket, row_count FROM counted) AS present
        USING (service_name, metric_type, bucket)
    WHERE :leaving AND row_count <> value_count AND row_count + sketched = value_count
), stored AS (
    INSERT INTO metric_sketches (service_name, metric_type, resolution, bucket, value_count, keys, counts)
    SELECT service_name, metric_type, 'hour', bucket,
           sum(count), array_agg(key ORDER BY key), array_agg(count ORDER BY key)
    FROM (
        SELECT service_name, metric_type, bucket, key, sum(count)::bigint AS count FROM parts GROUP BY 1, 2, 3, 4
    ) AS merged
    GROUP BY service_name, metric_type, bucket
    ON CONFLICT (service_name, metric_type, resolution, bucket) DO UPDATE SET
        value_count = excluded.value_count, keys = excluded.keys, counts = excluded.counts
    RETURNING 1
)
SELECT count(*) FROM stored

-- name: sketch_days
-- Those of which every hour's sketch is whole.
WITH due AS (
    SELECT service_name, metric_type, bucket, value_count
    FROM unnest(:service_names::varchar[], :metric_types::varchar[], :buckets::timestamptz[])
        AS due (service_name, metric_type, bucket)
    JOIN metric_rollups USING (service_name, metric_type, bucket)
    WHERE resolution = 'day'
), hours AS MATERIALIZED (
    SELECT due.service_name, due.metric_type, due.bucket, sketch.keys, sketch.counts,
           due.value_count
           - sum(sketch.value_count) OVER (PARTITION BY due.service_name, due.metric_type, due.bucket) AS lacking
    FROM due JOIN metric_sketches AS sketch
      ON sketch.service_name = due.service_name AND sketch.metric_type = due.metric_type AND sketch.resolution = 'hour'
     AND sketch.bucket >= due.bucket AND sketch.bucket < due.bucket + interval '1 day'
), stored AS (
    INSERT INTO metric_sketches (service_name, metric_type, resolution, bucket, value_count, keys, counts)
    SELECT service_name, metric_type, 'day', bucket,
           sum(count), array_agg(key ORDER BY key), array_agg(count ORDER BY key)
    FROM (
        SELECT service_name, metric_type, bucket, key, sum(count)::bigint AS count
        FROM (
            SELECT service_name, metric_type, bucket, unnest(keys) AS key, unnest(counts) AS count
            FROM hours WHERE lacking = 0
        ) AS parts
        GROUP BY 1, 2, 3, 4
    ) AS merged
    GROUP BY service_name, metric_type, bucket
    ON CONFLICT (service_name, metric_type, resolution, bucket) DO UPDATE SET
        value_count = excluded.value_count, keys = excluded.keys, counts = excluded.counts
    RETURNING 1
)
SELECT count(*) FROM stored

-- name: percentiles
-- What to merge for each interval: daily sketches of whole days, hourly ones of the whole hours of other days, and
-- what the points make of hours that the range cuts, whose sketch lacks values, or which are not folded yet. Null keys
-- where neither the sketch nor the points nor both together are all that was counted.
WITH mark AS MATERIALIZED (
    SELECT folded, date_trunc('day', folded, 'UTC') AS folded_day FROM metric_watermark
), named AS MATERIALIZED (
    SELECT series FROM metric_series WHERE service_name = :service_name AND metric_type = :metric_type
), counted_days AS (
    SELECT bucket, sum(value_count) AS value_count, min(first_at) AS first_at, max(last_at) AS last_at
    FROM metric_parts
    WHERE service_name = :service_name AND metric_type = :metric_type AND resolution = 'day' AND :interval <> 'hour'
      AND bucket >= date_trunc('day', :start_time::timestamptz, 'UTC') AND bucket <= :end_time
    GROUP BY bucket
), days AS MATERIALIZED (
    SELECT day.bucket, sketch.keys, sketch.counts,
           first_at >= :start_time AND last_at <= :end_time
           AND coalesce(sketch.value_count, 0) = day.value_count AS is_whole
    FROM counted_days AS day
    LEFT JOIN metric_sketches AS sketch
      ON sketch.service_name = :service_name AND sketch.metric_type = :metric_type AND sketch.resolution = 'day'
     AND sketch.bucket = day.bucket
), hourly AS (
    SELECT bucket AS starts, bucket + interval '1 day' AS ends FROM days WHERE NOT is_whole
    UNION ALL
    SELECT CASE :interval WHEN 'hour' THEN '-infinity' ELSE folded_day END, 'infinity' FROM mark
), counted_hours AS (
    SELECT bucket, sum(value_count) AS value_count, min(first_at) AS first_at, max(last_at) AS last_at
    FROM hourly CROSS JOIN LATERAL (
        SELECT bucket, value_count, first_at, last_at FROM metric_parts
        WHERE service_name = :service_name AND metric_type = :metric_type AND resolution = 'hour'
          AND bucket >= starts AND bucket < ends
          AND bucket >= date_trunc('hour', :start_time::timestamptz, 'UTC') AND bucket <= :end_time
        OFFSET 0
    ) AS part
    GROUP BY bucket
), hours AS MATERIALIZED (
    SELECT hour.bucket, hour.value_count, sketch.keys, sketch.counts, coalesce(sketch.value_count, 0) AS sketched,
           first_at < :start_time OR last_at > :end_time AS is_cut
    FROM counted_hours AS hour
    LEFT JOIN metric_sketches AS sketch
      ON sketch.service_name = :service_name AND sketch.metric_type = :metric_type AND sketch.resolution = 'hour'
     AND sketch.bucket = hour.bucket
    WHERE last_at >= :start_time AND first_at <= :end_time
), counted AS MATERIALIZED (
    SELECT row.bucket, row.key, row.count, sum(row.count) OVER (PARTITION BY row.bucket) AS row_count
    FROM (
        SELECT hours.bucket AS starts, hours.bucket + interval '1 hour' AS ends FROM hours
        WHERE is_cut OR sketched <> value_count
        UNION ALL
        SELECT folded, 'infinity' FROM mark
    ) AS read CROSS JOIN LATERAL (
        SELECT date_bin('1 hour', "timestamp", 'epoch') AS bucket, metric_sketch_key(metric_value) AS key, count(*) AS count
        FROM named JOIN metric_points USING (series)
        WHERE "timestamp" >= greatest(starts, :start_time) AND "timestamp" <= :end_time AND "timestamp" < ends
        GROUP BY 1, 2
    ) AS row
), known AS MATERIALIZED (
    SELECT bucket, keys, counts,
           CASE WHEN is_cut OR row_count = value_count THEN 'rows'
                WHEN sketched = value_count THEN 'sketch'
                WHEN sketched + row_count = value_count THEN 'both' END AS source
    FROM hours LEFT JOIN (SELECT DISTINCT bucket, row_count FROM counted) AS present USING (bucket)
), parts AS (
    SELECT bucket, keys, counts FROM days WHERE is_whole
    UNION ALL
    SELECT bucket, keys, counts FROM known WHERE source IN ('sketch', 'both')
    UNION ALL
    SELECT bucket, array_agg(key ORDER BY key), array_agg(count ORDER BY key)
    FROM counted LEFT JOIN known USING (bucket)
    WHERE source IN ('rows', 'both') OR known.bucket IS NULL GROUP BY bucket
    UNION ALL
    SELECT bucket, NULL, NULL FROM known WHERE source IS NULL
)
SELECT date_trunc(:interval, bucket, 'UTC'), translate(keys::text, '{}', '[]'), translate(counts::text, '{}', '[]')
FROM parts
