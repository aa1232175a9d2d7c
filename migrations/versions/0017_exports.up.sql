-- An export is a backup in a bucket, as SQL: what is known of it is the same. Its backup_id is the name of its object.
ALTER TABLE backup_runs ADD COLUMN is_export boolean NOT NULL DEFAULT false;
-- squawk-ignore changing-column-type -- a wider varchar is the same bytes: nothing is written anew
ALTER TABLE backup_runs ALTER COLUMN backup_id TYPE varchar(100);

INSERT INTO schedule_successes (schedule) VALUES ('export');
