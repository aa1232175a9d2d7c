DO $$
BEGIN
    EXECUTE (
        SELECT format('ALTER TABLE audit_log DROP CONSTRAINT %I', conname) FROM pg_constraint
        WHERE conrelid = 'audit_log'::regclass AND conname LIKE 'audit\_log\_before\_%'
    );
END
$$;

DROP TABLE schedule_successes;

UPDATE archive_objects SET state = 'removed' WHERE state = 'gone';
ALTER TABLE archive_objects DROP CONSTRAINT archive_objects_state_check;
ALTER TABLE archive_objects ADD CONSTRAINT archive_objects_state_check
    CHECK (state IN ('writing', 'abandoned', 'archived', 'removed'));
