-- name: begin_object
INSERT INTO archive_objects (name, table_name, day, row_count, row_hash, first_at, last_at, sealed)
VALUES (:name, :table_name, :day, :row_count, :row_hash, :first_at, :last_at, :sealed)

-- name: keep_object
-- No row where another run has abandoned it meanwhile.
UPDATE archive_objects SET
    state = 'archived', bytes = :bytes, sha256 = :sha256, generation = :generation, archived_at = now()
WHERE name = :name AND state = 'writing'
RETURNING true

-- name: end_object
UPDATE archive_objects SET state = 'removed', ended_at = now(), keep_until = NULL WHERE name = :name AND state = 'archived'

-- name: replace_object
-- The rows of the first that have not changed are those of the second.
WITH replaced AS (
    UPDATE archive_objects SET state = 'abandoned', ended_at = now() WHERE name = :name
)
UPDATE archive_objects SET state = 'removed', ended_at = now() WHERE name = :replacement

-- name: supersede_object
-- The first has a successor with the same rows, which are in their table as well or are not.
WITH superseded AS (
    UPDATE archive_objects SET state = 'abandoned', ended_at = now(), keep_until = NULL WHERE name = :name
    RETURNING name
)
UPDATE archive_objects AS successor SET
    -- One that was gone, and was brought back.
    state = CASE first.state WHEN 'gone' THEN 'removed' ELSE first.state END,
    ended_at = first.ended_at, keep_until = first.keep_until
FROM archive_objects AS first JOIN superseded USING (name)
WHERE successor.name = :successor

-- name: clear_objects
SELECT name, day::text, first_at, row_count, sha256, generation, sealed FROM archive_objects
WHERE table_name = :table_name AND NOT sealed AND state IN ('archived', 'removed', 'gone')
ORDER BY archived_at, name

-- name: abandoned_clear_objects
SELECT name FROM archive_objects WHERE table_name = :table_name AND NOT sealed AND state = 'abandoned'

-- name: abandon_object
UPDATE archive_objects SET state = 'abandoned', ended_at = now() WHERE name = :name AND state <> 'abandoned'

-- name: abandon_unfinished
UPDATE archive_objects SET state = 'abandoned', ended_at = now() WHERE table_name = :table_name AND state = 'writing'

-- name: abandoned_objects
SELECT name FROM archive_objects WHERE table_name = :table_name AND state = 'abandoned'

-- name: forget_abandoned
-- A run that lost its database may still be at an upload that it began; none lasts for a day.
DELETE FROM archive_objects
WHERE table_name = :table_name AND state = 'abandoned' AND ended_at < now() - interval '1 day' AND name = ANY (:names)

-- name: pending_objects
-- Archived, with rows that are due to go from the table.
SELECT name, day::text, first_at, row_count, sha256, generation, sealed FROM archive_objects
WHERE table_name = :table_name AND state = 'archived' AND (keep_until IS NULL OR keep_until < now())
  AND day >= :from_day::date AND day < :to_day::date
ORDER BY day, name

-- name: pending_days
SELECT day::text, sum(row_count)::bigint, bit_xor(row_hash) FROM archive_objects
WHERE table_name = :table_name AND state = 'archived' AND day >= :from_day::date AND day < :to_day::date
GROUP BY day

-- name: held_days
-- Days of which restored rows are to stay for now.
SELECT DISTINCT day::text FROM archive_objects
WHERE table_name = :table_name AND state = 'archived' AND keep_until >= now()

-- name: objects_between
-- Also those that were gone from the bucket: they may have been brought back.
SELECT name, day::text, first_at, row_count, sha256, generation, sealed FROM archive_objects
WHERE table_name = :table_name AND state IN ('archived', 'removed', 'gone')
  AND first_at < :end_time AND last_at >= :start_time
ORDER BY first_at, name

-- name: hold_object
UPDATE archive_objects SET
    state = 'archived', ended_at = NULL,
    keep_until = greatest(keep_until, now() + :days * interval '1 day')
WHERE name = :name AND state IN ('archived', 'removed', 'gone')

-- name: lose_object
UPDATE archive_objects SET state = 'gone' WHERE name = :name AND state = 'removed'

-- name: ended_objects
SELECT name FROM archive_objects
WHERE state IN ('removed', 'gone')
  AND (archived_at < now() - (:days::integer + 30) * interval '1 day'
       OR table_name = 'system_metrics' AND day < now() - (:metrics_days::integer + 30) * interval '1 day')
ORDER BY name

-- name: forget_objects
DELETE FROM archive_objects WHERE name = ANY (:names) AND state IN ('removed', 'gone')

-- name: archive_days
-- What the archive has, or is getting; what was abandoned or forgotten is nothing of it.
SELECT table_name, day::text, state, count(*), sum(row_count)::bigint, sum(coalesce(bytes, 0))::bigint
FROM archive_objects
WHERE state <> 'abandoned' AND (:table_name::text IS NULL OR table_name = :table_name)
GROUP BY day, table_name, state
ORDER BY day DESC, table_name, state
LIMIT :most
