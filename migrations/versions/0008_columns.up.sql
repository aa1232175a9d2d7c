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
