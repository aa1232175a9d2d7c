-- name: record
-- Of a batch without metadata, the list of it is empty. What is late is noted by the table's trigger.
INSERT INTO metric_points (series, "timestamp", id, metric_value, metric_metadata)
SELECT * FROM unnest(
    :series::bigint[], :timestamps::timestamptz[], :ids::uuid[], :metric_values::float8[], :metadata::jsonb[])

-- part: newest
-- The newest rows. Those of a series that is alone come in the order of its index, and need no sorting; their OFFSET
-- stands outside, since with one the planner takes sorting for cheaper. Of several series those that are shown are the
-- newest of each one's newest, and the first look is at a few of each: those are enough rows to tell how far back the page
-- can reach, and which series have any of it.
WITH chosen AS MATERIALIZED (
    SELECT series, count(*) OVER () = 1 AS alone,
           concat('","service_name":', to_json(service_name), ',"metric_type":', to_json(metric_type),
                  ',"metric_value":') AS named,
           concat(',"unit":', to_json(unit), ',"timestamp":"') AS measured
    FROM metric_series
    WHERE true
      AND service_name = :service_name -- if given
      AND metric_type = :metric_type -- if given
), first_look AS MATERIALIZED (
    SELECT chosen.series, point."timestamp" FROM chosen CROSS JOIN LATERAL (
        SELECT "timestamp" FROM metric_points AS newest
        WHERE newest.series = chosen.series
          AND "timestamp" >= :start_time AND "timestamp" <= :end_time
          AND ("timestamp", id) < (:after_time::timestamptz, :after_id::uuid) -- if given
        ORDER BY "timestamp" DESC, id DESC
        LIMIT 1 + (:limit::bigint + :offset::bigint) / (SELECT count(*) FROM chosen)
    ) AS point
    WHERE NOT chosen.alone
), bound AS MATERIALIZED (
    SELECT greatest(:start_time::timestamptz, (
        SELECT "timestamp" FROM first_look ORDER BY "timestamp" DESC LIMIT 1 OFFSET :limit::bigint + :offset::bigint
    )) AS since
), found AS (
    (SELECT {metric_points}, true AS alone, (SELECT named FROM chosen WHERE alone) AS named,
            (SELECT measured FROM chosen WHERE alone) AS measured
     FROM (
        SELECT {metric_points} FROM metric_points
        WHERE series = (SELECT series FROM chosen WHERE alone)
          AND "timestamp" >= :start_time AND "timestamp" <= :end_time
          AND ("timestamp", id) < (:after_time::timestamptz, :after_id::uuid) -- if given
        ORDER BY "timestamp" DESC, id DESC
        LIMIT :limit::bigint + :offset::bigint + 1
     ) AS point
     OFFSET :offset::bigint)
    UNION ALL
    (SELECT {metric_points}, false, named, measured FROM (
        SELECT series, named, measured FROM chosen
        WHERE NOT alone AND series IN (SELECT series FROM first_look WHERE "timestamp" >= (SELECT since FROM bound))
     ) AS reached CROSS JOIN LATERAL (
        SELECT {metric_points} FROM metric_points AS newest
        WHERE newest.series = reached.series
          AND "timestamp" >= (SELECT since FROM bound) AND "timestamp" >= :start_time AND "timestamp" <= :end_time
          AND ("timestamp", id) < (:after_time::timestamptz, :after_id::uuid) -- if given
        ORDER BY "timestamp" DESC, id DESC
        LIMIT :limit::bigint + :offset::bigint + 1
     ) AS point
     ORDER BY "timestamp" DESC, id DESC
     LIMIT :limit::bigint + 1 OFFSET :offset::bigint)
)

-- columns: behind_names
-- Of a row's object as text, what follows the names of its series, but for the bracket at its end.
metric_value::text || measured || {digits "timestamp"} || CASE
    WHEN metric_metadata IS NULL THEN '+00:00","metric_metadata":null'
    ELSE '+00:00","metric_metadata":' || metric_metadata::text
END

-- name: find_metrics
-- A row's object is put together as a text: row_to_json takes half as long again. How an object begins and ends is all in
-- :between, which is as long as what it takes. The names of a series that is alone are sent once: \x01 stands for them,
-- which is in no JSON. A row that takes more than its share of :most_bytes is left out, so that nothing grows too large;
-- find_large_metrics is for such a page.
-- With it comes what the archive has of the range, which it can have after a week at the earliest: of both ends, what is
-- not in the table any more, and how many rows the objects have that reach into it.
{newest}
SELECT coalesce(page.objects, ''), page.fitting, page.rows, chosen.named,
       archived.first, archived.last, archived.rows
FROM (
    SELECT string_agg(object, :between::text) FILTER (WHERE fits) AS objects, count(*) FILTER (WHERE fits) AS fitting,
           count(*) AS rows
    FROM (
        SELECT object, octet_length(object) <= (
            SELECT :most_bytes::bigint / (:limit::bigint + 1) - octet_length(:between::text)
        ) AS fits FROM (
            SELECT id::text || CASE WHEN alone THEN E'\x01' ELSE named END || {behind_names} AS object
            FROM found OFFSET 0
        ) AS objects
    ) AS measured_objects
) AS page
CROSS JOIN (
    SELECT min(first_at) AS first, max(last_at) AS last, sum(row_count)::bigint AS rows FROM archive_objects
    WHERE table_name = 'system_metrics' AND state = 'removed' AND first_at <= :end_time AND last_at >= :asked_since
      AND :asked_since::timestamptz < now() - interval '7 days'
) AS archived
LEFT JOIN chosen ON chosen.alone

-- name: find_large_metrics
-- As find_metrics, but the page ends before its rows take more than :most_bytes; its first row always comes.
{newest}
SELECT coalesce(string_agg(object, :between::text) FILTER (WHERE fits), ''), count(*) FILTER (WHERE fits), count(*)
FROM (
    SELECT object, row_number() OVER newest = 1
           OR sum(octet_length(object) + octet_length(:between::text)) OVER newest <= :most_bytes::bigint AS fits
    FROM (
        SELECT id::text || named || {behind_names} AS object FROM found OFFSET 0
    ) AS objects
    WINDOW newest AS (ROWS UNBOUNDED PRECEDING)
) AS measured_objects

-- columns: statistics
count(*) AS value_count,
sum(CASE WHEN abs(metric_value) > 1e-280 THEN metric_value * 5.421010862427522e-20 ELSE 0 END) AS value_sum,
min(metric_value) AS value_min, max(metric_value) AS value_max

-- name: aggregate
-- Before the watermark whole days from daily parts, whole hours of the days at the edges from hourly ones, whole slices of
-- the hours at the edges where those count all of the hour, and only what is left of these from the points; from the
-- watermark on, the points. A bucket is whole if its first and last value lie in the range. OFFSET 0 keeps the planner
-- from reading the hours of all days. 2001 began with a Monday: date_bin of an hour, a day and a week is what date_trunc
-- is in UTC, in a tenth of the time.
-- An average lies within its bounds, also where rounding would take it out of them, or out of what a float8 can hold:
-- 9.745314011399998e288 is the largest value, scaled.
WITH mark AS MATERIALIZED (
    SELECT folded, date_trunc('day', folded, 'UTC') AS folded_day, ('1 ' || :interval)::interval AS step
    FROM metric_watermark
), named AS MATERIALIZED (
    SELECT series FROM metric_series WHERE service_name = :service_name AND metric_type = :metric_type
), days AS MATERIALIZED (
    SELECT bucket, sum(value_count) AS value_count, sum(value_sum) AS value_sum, min(value_min) AS value_min,
           max(value_max) AS value_max, min(first_at) AS first_at, max(last_at) AS last_at
    FROM metric_parts
    WHERE service_name = :service_name AND metric_type = :metric_type AND resolution = 'day' AND :interval <> 'hour'
      AND bucket >= date_trunc('day', :start_time::timestamptz, 'UTC') AND bucket <= :end_time
    GROUP BY bucket
), spans AS (
    SELECT bucket AS starts, bucket + interval '1 day' AS ends FROM days
    WHERE first_at < :start_time OR last_at > :end_time
    UNION ALL
    SELECT CASE :interval WHEN 'hour' THEN '-infinity' ELSE folded_day END, 'infinity' FROM mark
), hours AS MATERIALIZED (
    SELECT bucket, sum(value_count) AS value_count, sum(value_sum) AS value_sum, min(value_min) AS value_min,
           max(value_max) AS value_max, min(first_at) AS first_at, max(last_at) AS last_at
    FROM spans CROSS JOIN LATERAL (
        SELECT bucket, value_count, value_sum, value_min, value_max, first_at, last_at FROM metric_parts
        WHERE service_name = :service_name AND metric_type = :metric_type AND resolution = 'hour'
          AND bucket >= starts AND bucket < ends
          AND bucket >= date_trunc('hour', :start_time::timestamptz, 'UTC') AND bucket <= :end_time
        OFFSET 0
    ) AS part
    GROUP BY bucket
), cut AS MATERIALIZED (
    SELECT bucket, value_count, greatest(bucket, :start_time::timestamptz) AS starts, bucket + interval '1 hour' AS ends,
           greatest(bucket, date_bin('5 min', :start_time::timestamptz + interval '299.999999 s', 'epoch')) AS sliced_from,
           least(bucket + interval '1 hour', date_bin('5 min', :end_time::timestamptz, 'epoch')) AS sliced_to
    FROM hours
    WHERE (first_at < :start_time OR last_at > :end_time) AND last_at >= :start_time AND first_at <= :end_time
), sliced AS MATERIALIZED (
    SELECT bucket, starts, ends, sliced_from, sliced_to, counts, sums, minima, maxima
    FROM cut JOIN metric_slices USING (bucket, value_count)
    WHERE service_name = :service_name AND metric_type = :metric_type AND sliced_from < sliced_to
), rests AS (
    SELECT starts, ends FROM cut WHERE bucket NOT IN (SELECT bucket FROM sliced)
    UNION ALL
    SELECT starts, sliced_from FROM sliced
    UNION ALL
    SELECT sliced_to, ends FROM sliced
), parts AS (
    SELECT bucket, value_count, value_sum, value_min, value_max FROM days
    WHERE first_at >= :start_time AND last_at <= :end_time
    UNION ALL
    SELECT bucket, value_count, value_sum, value_min, value_max FROM hours
    WHERE first_at >= :start_time AND last_at <= :end_time
    UNION ALL
    SELECT slice.starts, slice.value_count, value_sum, value_min, value_max
    FROM sliced CROSS JOIN LATERAL (
        SELECT bucket + (place - 1) * interval '5 min' AS starts, value_count, value_sum, value_min, value_max
        FROM unnest(counts, sums, minima, maxima) WITH ORDINALITY
            AS slice (value_count, value_sum, value_min, value_max, place)
    ) AS slice
    WHERE slice.value_count > 0 AND slice.starts >= sliced_from AND slice.starts < sliced_to
    UNION ALL
    SELECT starts, points.value_count, points.value_sum, points.value_min, points.value_max
    FROM rests CROSS JOIN named CROSS JOIN LATERAL (
        SELECT {statistics} FROM metric_points
        WHERE metric_points.series = named.series
          AND "timestamp" >= starts AND "timestamp" < ends AND "timestamp" <= :end_time
    ) AS points
    WHERE points.value_count > 0
    UNION ALL
    SELECT points.bucket, points.value_count, points.value_sum, points.value_min, points.value_max
    FROM mark CROSS JOIN named CROSS JOIN LATERAL (
        SELECT date_bin(step, "timestamp", '2001-01-01 00:00+00') AS bucket, {statistics} FROM metric_points
        WHERE metric_points.series = named.series
          AND "timestamp" >= folded AND "timestamp" >= :start_time AND "timestamp" <= :end_time
        GROUP BY 1
    ) AS points
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

-- name: slice_hours
-- What there is in each five minutes of hours of which every value lies in the table.
WITH due AS MATERIALIZED (
    SELECT service_name, metric_type, bucket, hour.value_count
    FROM unnest(:service_names::varchar[], :metric_types::varchar[], :buckets::timestamptz[])
        AS due (service_name, metric_type, bucket)
    CROSS JOIN LATERAL (
        SELECT sum(value_count) AS value_count FROM metric_parts AS part
        WHERE part.service_name = due.service_name AND part.metric_type = due.metric_type
          AND part.resolution = 'hour' AND part.bucket = due.bucket
    ) AS hour
), sliced AS (
    SELECT due.service_name, due.metric_type, due.bucket, due.value_count AS counted, place,
           points.value_count, coalesce(points.value_sum, 0) AS value_sum,
           coalesce(points.value_min, 0) AS value_min, coalesce(points.value_max, 0) AS value_max
    FROM due CROSS JOIN generate_series(0, 11) AS place CROSS JOIN LATERAL (
        SELECT {statistics} FROM metric_series AS named JOIN metric_points USING (series)
        WHERE named.service_name = due.service_name AND named.metric_type = due.metric_type
          AND "timestamp" >= due.bucket + place * interval '5 min'
          AND "timestamp" < due.bucket + (place + 1) * interval '5 min'
    ) AS points
)
INSERT INTO metric_slices (service_name, metric_type, bucket, value_count, counts, sums, minima, maxima)
SELECT service_name, metric_type, bucket, counted, array_agg(value_count ORDER BY place),
       array_agg(value_sum ORDER BY place), array_agg(value_min ORDER BY place), array_agg(value_max ORDER BY place)
FROM sliced GROUP BY service_name, metric_type, bucket, counted
HAVING sum(value_count) = counted
ON CONFLICT (service_name, metric_type, bucket) DO UPDATE SET
    value_count = excluded.value_count, counts = excluded.counts, sums = excluded.sums,
    minima = excluded.minima, maxima = excluded.maxima
