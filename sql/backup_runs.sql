-- name: begin
INSERT INTO backup_runs (id, instance, facts_before, is_export) VALUES (:id, :instance, :facts::jsonb, :is_export)

-- name: under_way
SELECT id, requested_at, facts_before, is_export FROM backup_runs WHERE ended_at IS NULL

-- name: succeed
UPDATE backup_runs SET backup_id = :backup_id, bytes = :bytes, facts_after = :facts::jsonb, ended_at = now()
WHERE id = :id AND ended_at IS NULL

-- name: fail
UPDATE backup_runs SET error = left(:error, 2000), ended_at = now() WHERE id = :id AND ended_at IS NULL

-- name: with_facts
-- Of one of Cloud SQL's backups: what is known of it. What an earlier release has taken note of is digested otherwise.
SELECT id FROM backup_runs WHERE backup_id = :backup_id AND error IS NULL AND facts_after->>'schema_digest' LIKE '2/%'

-- name: failure_since
SELECT error FROM backup_runs WHERE error IS NOT NULL AND NOT is_export AND requested_at >= :since LIMIT 1

-- name: one
SELECT backup_id, facts_before, facts_after, ended_at, bytes, is_export FROM backup_runs WHERE id = :id

-- name: newest
SELECT json_build_object('id', id, 'backup_id', backup_id, 'requested_at', {time requested_at}, 'ended_at', {time ended_at}, 'bytes', bytes,
    'status', CASE WHEN ended_at IS NULL THEN 'running' WHEN error IS NULL THEN 'success' ELSE 'failed' END, 'error', error)::text
FROM backup_runs WHERE is_export = :is_export ORDER BY requested_at DESC LIMIT 1

-- name: newest_export
SELECT id FROM backup_runs WHERE is_export AND error IS NULL AND ended_at IS NOT NULL ORDER BY requested_at DESC LIMIT 1

-- name: failed_since
SELECT id FROM backup_runs WHERE instance = :instance AND error IS NOT NULL AND NOT is_export AND ended_at > :since
