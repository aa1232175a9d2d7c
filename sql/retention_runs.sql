-- name: begin_run
INSERT INTO retention_runs (caller, dry_run) VALUES (:caller, :dry_run) RETURNING id

-- name: end_run
UPDATE retention_runs SET ended_at = now(), status = :status, results = :results WHERE id = :id

-- name: lately
-- How many of the newest runs failed, without one between that did not; and how long the last one took, or takes so far.
-- One that has no end after half an hour was killed.
SELECT
    (SELECT count(*) FROM retention_runs
     WHERE NOT dry_run AND (status = 'failed' OR (ended_at IS NULL AND started_at < now() - interval '30 minutes'))
       AND id > coalesce((SELECT max(id) FROM retention_runs WHERE NOT dry_run AND status IN ('success', 'partial')), 0)),
    coalesce(
        (SELECT extract(epoch FROM coalesce(ended_at, now()) - started_at)::double precision FROM retention_runs
         WHERE NOT dry_run ORDER BY id DESC LIMIT 1), 0)
