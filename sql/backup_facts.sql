-- name: schema
-- Its version, and a digest of the columns, constraints, indexes and triggers of the tables that this role reads. Months
-- of system_metrics come and go, so partitions have no part in it. What an export spells otherwise once it is loaded, and
-- means the same, is left out: the names of NOT NULL, and where an array of texts is cast.
WITH tables AS (
    SELECT oid FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
      AND has_table_privilege(oid, 'SELECT')
), lines AS (
    SELECT format('column %s.%s %s %s', attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull) AS line
    FROM pg_attribute JOIN tables ON oid = attrelid WHERE attnum > 0 AND NOT attisdropped
    UNION ALL
    SELECT format('constraint %s.%s %s', conrelid::regclass, conname, pg_get_constraintdef(pg_constraint.oid))
    FROM pg_constraint JOIN tables ON tables.oid = conrelid WHERE contype <> 'n'
    UNION ALL
    SELECT pg_get_indexdef(indexrelid) FROM pg_index JOIN tables ON oid = indrelid
    UNION ALL
    SELECT pg_get_triggerdef(pg_trigger.oid) FROM pg_trigger JOIN tables ON tables.oid = tgrelid WHERE NOT tgisinternal
), spelled_alike AS (
    SELECT regexp_replace(
        regexp_replace(line, '\(''([^'']*)''::character varying\)::text', '''\1''::character varying', 'g'),
        '\((ARRAY\[[^]]*\])\)::text\[\]', '\1', 'g') AS line
    FROM lines
)
SELECT (SELECT version_num FROM alembic_version),
       (SELECT '2/' || encode(sha256(convert_to(string_agg(line, E'\n' ORDER BY line COLLATE "C"), 'UTF8')), 'hex') FROM spelled_alike)

-- name: row_counts
-- Of every table that this role reads, but for those that are written to tell of backups and for a day only.
SELECT relname, backup_count(format('SELECT FROM public.%I', relname)) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
  AND has_table_privilege(oid, 'SELECT')
  AND relname NOT IN ('backup_runs', 'backup_verifications', 'idempotency_keys', 'alembic_version')

-- name: newest
SELECT (SELECT max(started_at) FROM backfill_jobs), (SELECT max(updated_at) FROM insight_feedback),
       (SELECT max(newest) FROM metric_series CROSS JOIN LATERAL (
           SELECT max("timestamp") AS newest FROM metric_points WHERE metric_points.series = metric_series.series) AS own)

-- name: metric_moments
-- Of about such a part of the rows, chosen at random, and of the oldest and the newest one.
SELECT "timestamp" FROM metric_points WHERE random() < :fraction::double precision
UNION
SELECT edge FROM metric_series
CROSS JOIN LATERAL (
    SELECT min("timestamp"), max("timestamp") FROM metric_points WHERE metric_points.series = metric_series.series
) AS own (oldest, newest)
CROSS JOIN LATERAL (VALUES (oldest), (newest)) AS edges (edge)
WHERE edge IS NOT NULL

-- name: statistics_off
-- How many insights have statistics that do not match their feedback, in the table and in the archive.
SELECT count(*) FROM (
    SELECT insight_id, count(rating) AS ratings, count(comment) AS comments, count(flag_type) AS flags
    FROM insight_feedback GROUP BY insight_id
) AS live
FULL JOIN archived_insight_stats AS archived USING (insight_id)
FULL JOIN insight_stats AS stats USING (insight_id)
WHERE coalesce(live.ratings, 0) + coalesce(archived.rating_1 + archived.rating_2 + archived.rating_3 + archived.rating_4
          + archived.rating_5, 0)
      <> coalesce(stats.rating_1 + stats.rating_2 + stats.rating_3 + stats.rating_4 + stats.rating_5, 0)
   OR coalesce(live.comments, 0) + coalesce(archived.comments, 0) <> coalesce(stats.comments, 0)
   OR coalesce(live.flags, 0)
      + coalesce(archived.flags_inaccurate + archived.flags_misleading + archived.flags_spam, 0)
      <> coalesce(stats.flags_inaccurate + stats.flags_misleading + stats.flags_spam, 0)

-- name: sample_backfill_jobs
SELECT count(*), encode(sha256(convert_to(coalesce(string_agg(t::text, E'\n' ORDER BY id), ''), 'UTF8')), 'hex')
FROM backfill_jobs AS t WHERE id BETWEEN :first::uuid AND :last::uuid

-- name: sample_insight_feedback
SELECT count(*), encode(sha256(convert_to(coalesce(string_agg(t::text, E'\n' ORDER BY id), ''), 'UTF8')), 'hex')
FROM insight_feedback AS t WHERE id BETWEEN :first::uuid AND :last::uuid

-- name: sample_system_metrics
SELECT count(*), encode(sha256(convert_to(coalesce(
    string_agg(named::text || t::text, E'\n' ORDER BY "timestamp", id), ''), 'UTF8')), 'hex')
FROM metric_series AS named JOIN metric_points AS t USING (series)
WHERE "timestamp" BETWEEN :first::timestamptz AND :last::timestamptz

-- name: unusable
-- Constraints that were never validated and indexes that are not valid.
SELECT conrelid::regclass || '.' || conname FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND NOT convalidated
UNION ALL
SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class ON oid = indexrelid
WHERE relnamespace = 'public'::regnamespace AND NOT indisvalid

-- name: violations
-- Tables with rows that break a CHECK: each table is read once, and with it the checksum of every page of it.
SELECT conrelid::regclass::text, backup_count(format('SELECT FROM %s WHERE NOT (%s)', conrelid::regclass,
           string_agg('(' || pg_get_expr(conbin, conrelid) || ')', ' AND ')))
FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
WHERE connamespace = 'public'::regnamespace AND contype = 'c' AND NOT relispartition AND has_table_privilege(conrelid, 'SELECT')
GROUP BY conrelid

-- name: duplicates
-- Keys that more rows than one have, found without the indexes that should have prevented it. Nulls equal nothing.
SELECT conrelid::regclass || '.' || conname, backup_count(format(
           'SELECT FROM %1$s WHERE (%2$s) IS NOT NULL GROUP BY %2$s HAVING count(*) > 1', conrelid::regclass, (
               SELECT string_agg(quote_ident(attname), ', ')
               FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey))))
FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'u') AND NOT relispartition
  AND has_table_privilege(conrelid, 'SELECT')
