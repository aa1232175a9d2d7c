-- gone: no more in the bucket, and its rows no more in their table.
-- squawk-ignore ban-drop-constraint
ALTER TABLE archive_objects DROP CONSTRAINT archive_objects_state_check;
ALTER TABLE archive_objects ADD CONSTRAINT archive_objects_state_check
    CHECK (state IN ('writing', 'abandoned', 'archived', 'removed', 'gone')) NOT VALID;

-- When each schedule last did its work. One that never has counts from here.
CREATE TABLE schedule_successes (
    schedule     varchar(50) PRIMARY KEY,
    succeeded_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO schedule_successes (schedule) VALUES
    ('publish-metrics'), ('sketch-metrics'), ('partitions'), ('retention'), ('backup'), ('watch-backups'),
    ('verify-backup'), ('continue-verification');
REVOKE ALL ON schedule_successes FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE ON schedule_successes
    TO utxoiq_database, utxoiq_metrics, utxoiq_retention, utxoiq_backup;

-- What the table holds becomes one partition, of all that is before this moment. The constraint saves reading it under a
-- lock then, and carries the month in its name for the versions that follow. Months enough that a deployment which stops
-- between them keeps nobody from writing.
DO $$
DECLARE
    newest timestamptz := (SELECT greatest(now(), max(at)) FROM audit_log);
    bound date := date_trunc('month', newest, 'UTC') AT TIME ZONE 'UTC' + interval '4 months';
BEGIN
    EXECUTE format('ALTER TABLE audit_log ADD CONSTRAINT %I CHECK (at < %L) NOT VALID',
        'audit_log_before_' || to_char(bound, 'YYYY_MM'), bound::timestamp AT TIME ZONE 'UTC');
END
$$;
