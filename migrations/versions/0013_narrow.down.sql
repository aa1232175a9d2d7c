-- The wide table in place of the view. The points have moved, but for those whose statements were on their way.
SELECT system_metrics_lock();
DROP VIEW system_metrics, metric_parts;
INSERT INTO system_metrics_wide (id, service_name, metric_type, metric_value, unit, "timestamp", metric_metadata)
SELECT id, service_name, metric_type, metric_value, unit, "timestamp", metric_metadata
FROM metric_points JOIN metric_series USING (series);
DROP FUNCTION system_metrics_insert(), system_metrics_prepare_month(date), system_metrics_lock();
DROP PROCEDURE system_metrics_narrow(), system_metrics_widen();
DROP TABLE metric_points, metric_deltas, metric_watermark, metric_series;
DROP FUNCTION metric_points_note_late(), metric_points_close(), metric_points_fold(),
    metric_series_ids(varchar[], varchar[], varchar[], bigint);
ALTER TABLE system_metrics_wide RENAME TO system_metrics;
GRANT SELECT, INSERT, UPDATE ON metric_rollups TO utxoiq_import;

CREATE OR REPLACE FUNCTION system_metrics_month_name(month date) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT 'system_metrics_' || to_char(month, 'YYYY_MM')
$$;

-- Makes the partition of the month that holds `moment` (UTC); true if it was made now. Rows of that month which came
-- before it are moved into it. The default partition is locked meanwhile, for little longer than there are such rows.
CREATE OR REPLACE FUNCTION system_metrics_ensure_month(moment timestamptz) RETURNS boolean LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
    month timestamp := date_trunc('month', moment AT TIME ZONE 'UTC');
    starts timestamptz := month AT TIME ZONE 'UTC';
    ends timestamptz := (month + interval '1 month') AT TIME ZONE 'UTC';
    partition_name text := 'system_metrics_' || to_char(month, 'YYYY_MM');
BEGIN
    IF to_regclass(partition_name) IS NOT NULL THEN
        RETURN false;
    END IF;
    PERFORM pg_advisory_xact_lock('system_metrics'::regclass::oid::bigint);
    -- Not to_regclass, which may not have heard yet of a table that was made during the wait.
    IF EXISTS (SELECT FROM pg_class WHERE relname = partition_name AND relnamespace = 'public'::regnamespace) THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE system_metrics INCLUDING ALL)', partition_name);
    LOCK TABLE system_metrics_default IN ACCESS EXCLUSIVE MODE;
    EXECUTE format(
        'WITH moved AS (DELETE FROM system_metrics_default WHERE "timestamp" >= %L AND "timestamp" < %L RETURNING *)'
        ' INSERT INTO %I SELECT * FROM moved', starts, ends, partition_name);
    EXECUTE format('ALTER TABLE system_metrics ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        partition_name, starts, ends);
    RETURN true;
END
$$;

-- Takes a month that has passed out of the table, so that nothing changes it any more; what comes for it later goes to
-- the default partition. It holds the whole table, for no longer than it takes to note that, and gives up after 2 s.
CREATE OR REPLACE FUNCTION system_metrics_detach_month(month date) RETURNS void LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
BEGIN
    IF (month + interval '1 month') AT TIME ZONE 'UTC' > now() THEN
        RAISE EXCEPTION 'the month % has not passed', to_char(month, 'YYYY-MM');
    END IF;
    EXECUTE format('ALTER TABLE system_metrics DETACH PARTITION %I', system_metrics_month_name(month));
END
$$;

-- Days of a month that are not archived as they are go back to the table with all their columns, and are compared by all of
-- them: also by those that a later version of the schema adds.
CREATE OR REPLACE FUNCTION system_metrics_drop_month(month date, OUT dropped bigint, OUT returned bigint) LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    part text := system_metrics_month_name(month);
    columns text;
    next_month date := month + interval '1 month';
    is_archived boolean;
    changed date[] := '{}';
BEGIN
    IF EXISTS (SELECT FROM pg_inherits WHERE inhrelid = part::regclass) THEN
        RAISE EXCEPTION '% is not detached', part;
    END IF;
    EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', part);
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns
    FROM pg_attribute WHERE attrelid = part::regclass AND attnum > 0 AND NOT attisdropped;
    returned := 0;
    -- All of it at once first, which takes a third of the time.
    EXECUTE format($q$
        SELECT present.row_count, (present.row_count, present.row_hash)
               IS NOT DISTINCT FROM (coalesce(archived.row_count, 0), archived.row_hash)
        FROM (
            SELECT count(*) AS row_count, bit_xor(hash_record_extended(
                ROW(%2$s), 0)) AS row_hash
            FROM %1$I
        ) AS present, (
            SELECT sum(row_count) AS row_count, bit_xor(row_hash) AS row_hash FROM archive_objects
            WHERE table_name = 'system_metrics' AND state = 'archived' AND day >= $1 AND day < $2
        ) AS archived $q$, part, columns) INTO dropped, is_archived USING month, next_month;
    IF NOT is_archived THEN
        EXECUTE format($q$
            WITH present AS (
                SELECT ("timestamp" AT TIME ZONE 'UTC')::date AS day, count(*) AS row_count, bit_xor(hash_record_extended(
                    ROW(%2$s), 0)) AS row_hash
                FROM %1$I GROUP BY 1
            ), archived AS (
                SELECT day, sum(row_count) AS row_count, bit_xor(row_hash) AS row_hash FROM archive_objects
                WHERE table_name = 'system_metrics' AND state = 'archived' AND day >= $1 AND day < $2 GROUP BY 1
            )
            SELECT coalesce(array_agg(day) FILTER (WHERE (present.row_count, present.row_hash)
                       IS DISTINCT FROM (archived.row_count, archived.row_hash)), '{}')
            FROM present FULL JOIN archived USING (day) $q$, part, columns) INTO changed USING month, next_month;
        EXECUTE format($q$
            INSERT INTO system_metrics (%2$s) SELECT %2$s
            FROM %1$I WHERE ("timestamp" AT TIME ZONE 'UTC')::date = ANY ($1) $q$, part, columns) USING changed;
        GET DIAGNOSTICS returned = ROW_COUNT;
        dropped := dropped - returned;
    END IF;
    UPDATE archive_objects SET state = 'removed', ended_at = now(), keep_until = NULL
    WHERE table_name = 'system_metrics' AND state = 'archived'
      AND day >= month AND day < next_month AND day <> ALL (changed);
    EXECUTE format('DROP TABLE %I', part);
END
$$;
