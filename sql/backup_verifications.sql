-- name: lock
SELECT pg_try_advisory_lock(7086711032)

-- name: unlock
SELECT pg_advisory_unlock(7086711032)

-- name: begin
INSERT INTO backup_verifications (id) VALUES (:id)

-- name: under_way
SELECT id, step, started_at, backup_run, passed, error, now() FROM backup_verifications WHERE ended_at IS NULL

-- name: choose
UPDATE backup_verifications SET backup_run = :backup_run, step = 'create' WHERE id = :id AND step = 'choose'

-- name: advance
UPDATE backup_verifications SET step = :next WHERE id = :id AND step = :step

-- name: judge
UPDATE backup_verifications SET passed = :passed, error = left(:error, 2000), checks = :checks::jsonb, step = 'publish'
WHERE id = :id AND step = :step

-- name: end
UPDATE backup_verifications SET step = 'done', ended_at = now() WHERE id = :id AND step = 'delete'

-- name: newest
SELECT json_build_object('id', verification.id, 'step', step, 'started_at', {time started_at}, 'ended_at', {time verification.ended_at},
    'status', CASE passed WHEN true THEN 'passed' WHEN false THEN 'failed' ELSE 'running' END,
    'backup_id', run.backup_id, 'error', verification.error, 'checks', coalesce(checks, '[]'))::text
FROM backup_verifications AS verification LEFT JOIN backup_runs AS run ON run.id = backup_run
ORDER BY started_at DESC LIMIT 1

-- name: lately
-- When the last one that passed ended, and whether the last one of all passed.
SELECT (SELECT max(ended_at) FROM backup_verifications WHERE passed),
       (SELECT passed FROM backup_verifications WHERE passed IS NOT NULL ORDER BY started_at DESC LIMIT 1)

-- name: last_was_of_an_export
SELECT is_export FROM backup_verifications JOIN backup_runs AS run ON run.id = backup_run
WHERE backup_verifications.ended_at IS NOT NULL ORDER BY started_at DESC LIMIT 1

-- name: group_roles
-- What rights are given to: an empty instance has none of them.
SELECT rolname FROM pg_roles WHERE rolname LIKE 'utxoiq\_%' AND NOT rolcanlogin ORDER BY rolname
