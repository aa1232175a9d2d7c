DELETE FROM schedule_successes WHERE schedule = 'export';
DELETE FROM backup_verifications WHERE backup_run IN (SELECT id FROM backup_runs WHERE is_export);
DELETE FROM backup_runs WHERE is_export;
ALTER TABLE backup_runs ALTER COLUMN backup_id TYPE varchar(20);
ALTER TABLE backup_runs DROP COLUMN is_export;
