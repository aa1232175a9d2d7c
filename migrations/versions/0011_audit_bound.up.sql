DO $$
BEGIN
    EXECUTE (
        SELECT format('ALTER TABLE audit_log VALIDATE CONSTRAINT %I', conname) FROM pg_constraint
        WHERE conrelid = 'audit_log'::regclass AND conname LIKE 'audit\_log\_before\_%'
    );
END
$$;
ALTER TABLE archive_objects VALIDATE CONSTRAINT archive_objects_state_check;
