-- The names are free for the table of the months as soon as the old one has others; nobody sees it without a table.
-- squawk-ignore renaming-table
ALTER TABLE audit_log RENAME TO audit_log_before;
-- squawk-ignore renaming-object
ALTER INDEX audit_log_pkey RENAME TO audit_log_before_pkey;

DO $$
DECLARE
    bound_name text := (
        SELECT conname FROM pg_constraint
        WHERE conrelid = 'audit_log_before'::regclass AND conname LIKE 'audit\_log\_before\_____\___'
    );
    bound timestamptz := to_date(right(bound_name, 7), 'YYYY_MM')::timestamp AT TIME ZONE 'UTC';
    last_id bigint := pg_sequence_last_value(pg_get_serial_sequence('audit_log_before', 'id')::regclass);
BEGIN
    ALTER TABLE audit_log_before ALTER COLUMN id DROP IDENTITY;
    CREATE TABLE audit_log (
        at         timestamptz NOT NULL DEFAULT clock_timestamp(),
        id         bigint GENERATED ALWAYS AS IDENTITY,
        actor      varchar(200) NOT NULL,
        key_id     varchar(12),
        action     varchar(50) NOT NULL,
        subject    varchar(300),
        details    jsonb,
        address    varchar(45),
        request_id varchar(128),
        PRIMARY KEY (at, id)
    ) PARTITION BY RANGE (at);
    IF last_id IS NOT NULL THEN
        PERFORM setval(pg_get_serial_sequence('audit_log', 'id'), last_id);
    END IF;
    EXECUTE format(
        'ALTER TABLE audit_log ATTACH PARTITION audit_log_before FOR VALUES FROM (MINVALUE) TO (%L)', bound);
    EXECUTE format('ALTER TABLE audit_log_before DROP CONSTRAINT %I', bound_name);
END
$$;

-- What no month takes is refused nowhere.
CREATE TABLE audit_log_default PARTITION OF audit_log DEFAULT;

REVOKE ALL ON audit_log_before FROM
    utxoiq_backfill, utxoiq_feedback, utxoiq_metrics, utxoiq_database, utxoiq_retention, utxoiq_keys, utxoiq_backup,
    utxoiq_import;
REVOKE ALL ON audit_log, audit_log_default FROM PUBLIC;
GRANT INSERT (actor, key_id, action, subject, details, address, request_id) ON audit_log
    TO utxoiq_backfill, utxoiq_feedback, utxoiq_metrics, utxoiq_database, utxoiq_retention, utxoiq_keys, utxoiq_backup,
    utxoiq_import;
GRANT SELECT ON audit_log TO utxoiq_keys;

-- Makes the partitions of this month and of the next three that no partition covers yet, and returns their first days.
-- It waits no longer than 2 s for traffic: it is called every day.
CREATE FUNCTION audit_log_ensure_ahead() RETURNS SETOF date LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' SET timezone = 'UTC' AS $$
DECLARE
    month date;
    covered timestamptz := (
        SELECT substring(pg_get_expr(relpartbound, oid) FROM 'TO \(''([^'']+)''\)$')::timestamptz
        FROM pg_class WHERE oid = to_regclass('audit_log_before')
    );
BEGIN
    FOR ahead IN 0..3 LOOP
        month := date_trunc('month', now()) + ahead * interval '1 month';
        CONTINUE WHEN month < covered OR to_regclass('audit_log_' || to_char(month, 'YYYY_MM')) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I PARTITION OF audit_log FOR VALUES FROM (%L) TO (%L)',
            'audit_log_' || to_char(month, 'YYYY_MM'), month::timestamptz, month::timestamptz + interval '1 month');
        EXECUTE format('REVOKE ALL ON %I FROM PUBLIC', 'audit_log_' || to_char(month, 'YYYY_MM'));
        RETURN NEXT month;
    END LOOP;
END
$$;

-- Drops the partitions that ended before, and deletes up to 10,000 older entries of those that are of no single month.
-- Returns the tables that were dropped and how many entries were deleted. What is younger than 30 days goes in no case,
-- whoever asks.
CREATE FUNCTION audit_log_drop_before(expires timestamptz, OUT dropped text[], OUT deleted bigint) LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' SET timezone = 'UTC' AS $$
DECLARE
    part record;
    count bigint;
BEGIN
    IF expires > now() - interval '30 days' THEN
        RAISE EXCEPTION 'entries of the last 30 days are kept';
    END IF;
    dropped := '{}';
    deleted := 0;
    FOR part IN
        SELECT oid, relname, substring(pg_get_expr(relpartbound, oid) FROM 'TO \(''([^'']+)''\)$')::timestamptz AS bound,
               relname IN ('audit_log_before', 'audit_log_default') AS of_many_months
        FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = 'audit_log'::regclass ORDER BY relname
    LOOP
        IF part.bound <= expires THEN
            EXECUTE format('DROP TABLE %I', part.relname);
            dropped := dropped || part.relname::text;
        ELSIF part.of_many_months THEN
            EXECUTE format('DELETE FROM %1$I WHERE (at, id) IN (
                SELECT at, id FROM %1$I WHERE at < $1 ORDER BY at, id LIMIT 10000)', part.relname) USING expires;
            GET DIAGNOSTICS count = ROW_COUNT;
            deleted := deleted + count;
        END IF;
    END LOOP;
END
$$;

REVOKE ALL ON FUNCTION audit_log_ensure_ahead(), audit_log_drop_before(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_log_ensure_ahead(), audit_log_drop_before(timestamptz) TO utxoiq_retention;
