-- name: begin_run
INSERT INTO retention_runs (caller, dry_run) VALUES (:caller, :dry_run) RETURNING id

-- name: end_run
UPDATE retention_runs SET ended_at = now(), status = :status, results = :results WHERE id = :id
