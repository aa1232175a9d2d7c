-- The function of before stays for the release of before, whose digests it compares.
--
-- Days of a month that are not archived as they are go back to the table with all their columns, and are compared by all
-- columns of system_metrics: also by those that a later version of the schema adds. Names of series are not compared,
-- since they never change.
--
-- unchanged_since: null, or a transaction such that all of those before it had ended when the caller began to compare the
-- month's days with the archive, or to archive them. A row that is there now and is of an earlier transaction was there
-- all the time, and so is archived: a change makes a new row, of its own transaction. If there are only such rows, and as
-- many as are archived, none of those is gone, and so they are the same. A transaction within another one has a later
-- number than that. Numbers come again after four billion others: a row that is so old may count as changed, and one
-- that has changed never as old. docs/decisions/0011-archive.md.
CREATE FUNCTION system_metrics_drop_month(
    month date, unchanged_since xid8, OUT dropped bigint, OUT returned bigint
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    part text := system_metrics_month_name(month);
    columns text;
    compared text;
    next_month date := month + interval '1 month';
    archived record;
    since_age integer;
    is_archived boolean := false;
    changed date[] := '{}';
BEGIN
    IF EXISTS (SELECT FROM pg_inherits WHERE inhrelid = part::regclass) THEN
        RAISE EXCEPTION '% is not detached', part;
    END IF;
    EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', part);
    returned := 0;
    SELECT coalesce(sum(row_count), 0) AS row_count, bit_xor(row_hash) AS row_hash INTO archived FROM archive_objects
    WHERE table_name = 'system_metrics' AND state = 'archived' AND day >= month AND day < next_month;
    -- Ages tell which of two transactions is the later one while both are of the last two billion.
    IF pg_current_xact_id()::text::bigint - unchanged_since::text::bigint BETWEEN 0 AND 2000000000 THEN
        since_age := age(unchanged_since::xid);
        EXECUTE format($q$
            SELECT count(*), count(*) = $1 AND count(*) FILTER (WHERE age(xmin) <= $2) = 0 FROM %I $q$, part)
        INTO dropped, is_archived USING archived.row_count, since_age;
    END IF;
    IF NOT is_archived THEN
        SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns
        FROM pg_attribute WHERE attrelid = part::regclass AND attnum > 0 AND NOT attisdropped;
        SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO compared
        FROM pg_attribute AS shown WHERE attrelid = 'system_metrics'::regclass AND attnum > 0 AND NOT attisdropped
          AND EXISTS (SELECT FROM pg_attribute AS own WHERE own.attrelid = part::regclass AND own.attname = shown.attname
                      AND NOT own.attisdropped);
        -- All of it at once first, which takes a third of the time.
        EXECUTE format($q$
            SELECT row_count, (row_count, row_hash) IS NOT DISTINCT FROM ($1, $2) FROM (
                SELECT count(*) AS row_count, bit_xor(hash_record_extended(ROW(series, %2$s), 0)) AS row_hash FROM %1$I
            ) AS present $q$, part, compared) INTO dropped, is_archived USING archived.row_count, archived.row_hash;
    END IF;
    IF NOT is_archived THEN
        EXECUTE format($q$
            WITH present AS (
                SELECT ("timestamp" AT TIME ZONE 'UTC')::date AS day, count(*) AS row_count,
                       bit_xor(hash_record_extended(ROW(series, %2$s), 0)) AS row_hash
                FROM %1$I GROUP BY 1
            ), archived AS (
                SELECT day, sum(row_count) AS row_count, bit_xor(row_hash) AS row_hash FROM archive_objects
                WHERE table_name = 'system_metrics' AND state = 'archived' AND day >= $1 AND day < $2 GROUP BY 1
            )
            SELECT coalesce(array_agg(day) FILTER (WHERE (present.row_count, present.row_hash)
                       IS DISTINCT FROM (archived.row_count, archived.row_hash)), '{}')
            FROM present FULL JOIN archived USING (day) $q$, part, compared) INTO changed USING month, next_month;
        PERFORM set_config('utxoiq.archiving', 'on', true);  -- they are counted
        EXECUTE format($q$
            INSERT INTO metric_points (%2$s) SELECT %2$s
            FROM %1$I WHERE ("timestamp" AT TIME ZONE 'UTC')::date = ANY ($1) $q$, part, columns) USING changed;
        GET DIAGNOSTICS returned = ROW_COUNT;
        PERFORM set_config('utxoiq.archiving', '', true);
        dropped := dropped - returned;
    END IF;
    UPDATE archive_objects SET state = 'removed', ended_at = now(), keep_until = NULL
    WHERE table_name = 'system_metrics' AND state = 'archived'
      AND day >= month AND day < next_month AND day <> ALL (changed);
    EXECUTE format('DROP TABLE %I', part);
END
$$;

REVOKE ALL ON FUNCTION system_metrics_drop_month(date, xid8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION system_metrics_drop_month(date, xid8) TO utxoiq_retention;
