-- Rows on their way out of the three tables, and back. Only what has ended and is older than :expires leaves.
-- Copies are sent as COPY (…) TO STDOUT; what comes back from the archive is compared in a temporary table.
-- Columns are those that sql/columns.toml lists.

-- name: columns
-- Of a table, as they are now. One of a view takes no null if the column of its name that the view reads takes none.
SELECT attname::text, format_type(atttypid, NULL), NOT (attnotnull OR EXISTS (
    SELECT FROM pg_rewrite
    JOIN pg_depend ON classid = 'pg_rewrite'::regclass AND objid = pg_rewrite.oid AND refclassid = 'pg_class'::regclass
    JOIN pg_attribute AS source ON source.attrelid = refobjid AND source.attnum = refobjsubid
    WHERE ev_class = shown.attrelid AND source.attname = shown.attname AND source.attnotnull))
FROM pg_attribute AS shown
WHERE attrelid = (SELECT oid FROM pg_class WHERE relname = :table_name AND relnamespace = 'public'::regnamespace)
  AND attnum > 0 AND NOT attisdropped
ORDER BY attnum

-- name: lock
SELECT pg_try_advisory_lock(hashtextextended('retention ' || :table_name, 0))

-- name: unlock
SELECT pg_advisory_unlock(hashtextextended('retention ' || :table_name, 0))

-- name: mark_archiving
-- For this transaction: rows move between a table and the archive, which the statistics of insights do not feel.
SELECT set_config('utxoiq.archiving', 'on', true)

-- name: backfill_jobs_days
SELECT (coalesce(completed_at, started_at) AT TIME ZONE 'UTC')::date::text AS day, count(*) FROM backfill_jobs
WHERE status IN ('completed', 'failed') AND coalesce(completed_at, started_at) < :expires
GROUP BY 1 ORDER BY 1

-- name: backfill_jobs_copy
SELECT {backfill_jobs}
FROM backfill_jobs
WHERE status IN ('completed', 'failed')
  AND coalesce(completed_at, started_at) >= :from_time::timestamptz
  AND coalesce(completed_at, started_at) < :to_time::timestamptz
  AND (coalesce(completed_at, started_at), id) > (:after_time::timestamptz, :after_id::uuid) -- if given
ORDER BY coalesce(completed_at, started_at), id
LIMIT :limit

-- name: backfill_jobs_delete
WITH gone AS (
    DELETE FROM backfill_jobs AS live USING archived_backfill_jobs AS archived
    WHERE archived.line > :after_line AND archived.line <= :last_line AND live.id = archived.id
      AND ({backfill_jobs live}) IS NOT DISTINCT FROM ({backfill_jobs archived})
    RETURNING live.id
)
SELECT id FROM gone

-- name: backfill_jobs_changed
SELECT archived.line FROM archived_backfill_jobs AS archived JOIN backfill_jobs AS live USING (id)

-- name: backfill_jobs_restore
WITH back AS (
    INSERT INTO backfill_jobs ({backfill_jobs})
    SELECT {backfill_jobs} FROM archived_backfill_jobs
    WHERE coalesce(completed_at, started_at) >= :start_time AND coalesce(completed_at, started_at) < :end_time
    ON CONFLICT DO NOTHING
    RETURNING 1
)
SELECT count(*) FROM back

-- name: insight_feedback_days
SELECT (updated_at AT TIME ZONE 'UTC')::date::text AS day, count(*) FROM insight_feedback
WHERE updated_at < :expires
GROUP BY 1 ORDER BY 1

-- name: insight_feedback_copy
SELECT {insight_feedback}
FROM insight_feedback
WHERE updated_at >= :from_time::timestamptz AND updated_at < :to_time::timestamptz
  AND (updated_at, id) > (:after_time::timestamptz, :after_id::uuid) -- if given
ORDER BY updated_at, id
LIMIT :limit

-- name: insight_feedback_delete
WITH gone AS (
    DELETE FROM insight_feedback AS live USING archived_insight_feedback AS archived
    WHERE archived.line > :after_line AND archived.line <= :last_line AND live.id = archived.id
      AND ({insight_feedback live}) IS NOT DISTINCT FROM ({insight_feedback archived})
    RETURNING live.id
)
SELECT id FROM gone

-- name: insight_feedback_changed
SELECT archived.line FROM archived_insight_feedback AS archived JOIN insight_feedback AS live USING (id)

-- name: insight_feedback_restore
-- Where the user has spoken again since, that stays.
WITH back AS (
    INSERT INTO insight_feedback ({insight_feedback})
    SELECT {insight_feedback}
    FROM archived_insight_feedback
    WHERE updated_at >= :start_time AND updated_at < :end_time
    ON CONFLICT DO NOTHING
    RETURNING 1
)
SELECT count(*) FROM back

-- name: system_metrics_filled_days
SELECT (day AT TIME ZONE 'UTC')::date::text
FROM generate_series(:from_time::timestamptz, :to_time::timestamptz - interval '1 day', interval '1 day') AS day
WHERE EXISTS (SELECT FROM metric_points WHERE "timestamp" >= day AND "timestamp" < day + interval '1 day')

-- name: system_metrics_digests
-- The days of a month, with what tells whether the archive has exactly their rows.
SELECT ("timestamp" AT TIME ZONE 'UTC')::date::text AS day, count(*), bit_xor(hash_record_extended(
    ROW(series, {metric_points}), 0))
FROM metric_points
WHERE "timestamp" >= :from_time AND "timestamp" < :to_time
GROUP BY 1 ORDER BY 1

-- name: system_metrics_days
-- Of rows that no month holds; months leave as a whole.
SELECT ("timestamp" AT TIME ZONE 'UTC')::date::text AS day, count(*) FROM metric_points_default
WHERE "timestamp" < :expires
GROUP BY 1 ORDER BY 1

-- name: metric_points_part
-- Of a day's points, those of the next part. What is asked of them is computed once they are sorted: it is wide.
SELECT series, {metric_points} FROM metric_points
WHERE "timestamp" >= :from_time::timestamptz AND "timestamp" < :to_time::timestamptz
  AND ("timestamp", id, series) > (:after_time::timestamptz, :after_id::uuid, :after_series::text::bigint) -- if given
ORDER BY "timestamp", id, series
LIMIT :limit

-- name: metric_points_between
-- The same ones, once the last of them is known; where the day has no more, that need not be looked at.
SELECT series, {metric_points} FROM metric_points
WHERE "timestamp" >= :from_time::timestamptz AND "timestamp" < :to_time::timestamptz
  AND ("timestamp", id, series) > (:after_time::timestamptz, :after_id::uuid, :after_series::text::bigint) -- if given
  AND ("timestamp", id, series) <= (:last_time::timestamptz, :last_id::uuid, :last_series::text::bigint) -- if given

-- name: metric_series_names
SELECT series, service_name, metric_type, unit FROM metric_series WHERE series = ANY (:series::bigint[])

-- name: system_metrics_delete
-- The sketch of an hour becomes that of what has left, which is all that will be known of it, where it was made of rows
-- that are all here or lacks just those that are; docs/decisions/0056-trends.md. Its slices are for as long as it is whole.
WITH gone AS (
    DELETE FROM metric_points AS live USING archived_system_metrics AS archived, metric_series AS named
    WHERE live."timestamp" >= :from_time AND live."timestamp" < :to_time
      AND archived.line > :after_line AND archived.line <= :last_line
      AND named.service_name = archived.service_name AND named.metric_type = archived.metric_type
      AND named.unit = archived.unit
      AND live.series = named.series AND live."timestamp" = archived."timestamp" AND live.id = archived.id
      AND ({metric_points live}) IS NOT DISTINCT FROM ({metric_points archived})
    RETURNING live.id, named.service_name, named.metric_type, live."timestamp", live.metric_value
), leaving AS MATERIALIZED (
    SELECT service_name, metric_type, date_bin('1 hour', "timestamp", 'epoch') AS bucket,
           metric_sketch_key(metric_value) AS key, count(*) AS count
    FROM gone GROUP BY 1, 2, 3, 4
), hours AS MATERIALIZED (
    SELECT service_name, metric_type, bucket, counted.value_count, coalesce(sketch.value_count, 0) AS sketched,
           sketch.keys, sketch.counts, (
               SELECT count(*) FROM metric_series AS named JOIN metric_points USING (series)
               WHERE (named.service_name, named.metric_type) = (touched.service_name, touched.metric_type)
                 AND "timestamp" >= bucket AND "timestamp" < bucket + interval '1 hour'
           ) AS row_count
    FROM (SELECT DISTINCT service_name, metric_type, bucket FROM leaving) AS touched
    CROSS JOIN LATERAL (
        SELECT 'hour' AS resolution, sum(value_count) AS value_count FROM metric_parts AS part
        WHERE (part.service_name, part.metric_type) = (touched.service_name, touched.metric_type)
          AND part.resolution = 'hour' AND part.bucket = touched.bucket
        HAVING count(*) > 0
    ) AS counted
    LEFT JOIN metric_sketches AS sketch USING (service_name, metric_type, resolution, bucket)
), unsliced AS (
    DELETE FROM metric_slices AS slice USING hours
    WHERE (slice.service_name, slice.metric_type, slice.bucket) = (hours.service_name, hours.metric_type, hours.bucket)
), parts AS (
    SELECT service_name, metric_type, bucket, key, count FROM leaving JOIN hours USING (service_name, metric_type, bucket)
    WHERE row_count = value_count OR row_count + sketched = value_count
    UNION ALL
    SELECT service_name, metric_type, bucket, unnest(keys), unnest(counts) FROM hours
    WHERE row_count <> value_count AND row_count + sketched = value_count
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
)
SELECT id FROM gone

-- name: system_metrics_changed
SELECT archived.line FROM archived_system_metrics AS archived
JOIN metric_series AS named USING (service_name, metric_type, unit)
JOIN metric_points AS live
  ON live.series = named.series AND live."timestamp" = archived."timestamp" AND live.id = archived.id
WHERE live."timestamp" >= :from_time AND live."timestamp" < :to_time

-- name: system_metrics_series
-- Those of the rows that come back are there already, unless the database is a new one.
SELECT count(*) FROM (
    SELECT array_agg(service_name) AS service_names, array_agg(metric_type) AS metric_types, array_agg(unit) AS units
    FROM (SELECT DISTINCT service_name, metric_type, unit FROM archived_system_metrics) AS named
) AS named CROSS JOIN LATERAL metric_series_ids(service_names, metric_types, units, NULL)

-- name: system_metrics_restore
WITH back AS (
    INSERT INTO metric_points (series, {metric_points})
    SELECT series, {metric_points}
    FROM archived_system_metrics JOIN metric_series USING (service_name, metric_type, unit)
    WHERE "timestamp" >= :start_time AND "timestamp" < :end_time
    ON CONFLICT DO NOTHING
    RETURNING 1
)
SELECT count(*) FROM back
