DROP FUNCTION audit_log_drop_before(timestamptz), audit_log_ensure_ahead();

-- All entries go into one table again, under the bound that it had.
DO $$
DECLARE
    last_id bigint := pg_sequence_last_value(pg_get_serial_sequence('audit_log', 'id')::regclass);
    newest timestamptz := (SELECT greatest(now(), max(at)) FROM audit_log);
    bound date := date_trunc('month', newest, 'UTC') AT TIME ZONE 'UTC' + interval '4 months';
BEGIN
    ALTER TABLE audit_log RENAME TO audit_log_months;
    ALTER INDEX audit_log_pkey RENAME TO audit_log_months_pkey;
    IF to_regclass('audit_log_before') IS NULL THEN
        CREATE TABLE audit_log (LIKE audit_log_months INCLUDING DEFAULTS, PRIMARY KEY (at, id));
    ELSE
        ALTER TABLE audit_log_months DETACH PARTITION audit_log_before;
        ALTER TABLE audit_log_before RENAME TO audit_log;
        ALTER INDEX audit_log_before_pkey RENAME TO audit_log_pkey;
        ALTER TABLE audit_log ALTER COLUMN id DROP IDENTITY IF EXISTS;
    END IF;
    INSERT INTO audit_log SELECT at, id, actor, key_id, action, subject, details, address, request_id FROM audit_log_months;
    DROP TABLE audit_log_months;
    ALTER TABLE audit_log ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;
    IF last_id IS NOT NULL THEN
        PERFORM setval(pg_get_serial_sequence('audit_log', 'id'), last_id);
    END IF;
    EXECUTE format('ALTER TABLE audit_log ADD CONSTRAINT %I CHECK (at < %L)',
        'audit_log_before_' || to_char(bound, 'YYYY_MM'), bound::timestamp AT TIME ZONE 'UTC');
END
$$;

REVOKE ALL ON audit_log FROM PUBLIC;
GRANT INSERT (actor, key_id, action, subject, details, address, request_id) ON audit_log
    TO utxoiq_backfill, utxoiq_feedback, utxoiq_metrics, utxoiq_database, utxoiq_retention, utxoiq_keys, utxoiq_backup,
    utxoiq_import;
GRANT SELECT ON audit_log TO utxoiq_keys;
