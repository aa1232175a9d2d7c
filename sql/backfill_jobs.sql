-- name: insert_job
WITH job AS (
    INSERT INTO backfill_jobs AS job (id, job_type, start_block, end_block, current_block, created_by)
    VALUES (:id, :job_type, :start_block, :end_block, :start_block, :created_by)
    RETURNING {backfill_jobs job}
), audited AS (
    INSERT INTO audit_log (actor, key_id, action, subject, details, address, request_id)
    SELECT :actor, :key_id, :action, :subject, :details::jsonb, :address, :request_id FROM job
)
SELECT row_to_json({answer backfill_jobs job})::text, version FROM job

-- name: job_by_id
SELECT row_to_json({answer backfill_jobs job})::text, job.version FROM (
    SELECT {backfill_jobs} FROM backfill_jobs WHERE id = :id
) AS job

-- name: update_progress
-- No row where the job is unknown, has ended, has another version, or does not reach to that block.
WITH job AS (
    UPDATE backfill_jobs AS job SET
        current_block = coalesce(:current_block, current_block),
        status = coalesce(:status, status),
        progress_percentage = CASE WHEN :status = 'completed' THEN 100 ELSE coalesce(:progress_percentage::float8, progress_percentage) END,
        estimated_completion = CASE WHEN :sets_estimate THEN :estimated_completion ELSE estimated_completion END,
        error_message = CASE WHEN :sets_error THEN :error_message ELSE error_message END,
        completed_at = CASE WHEN :status = 'completed' THEN now() END,
        version = version + 1
    WHERE id = :id
      AND status IN ('running', 'paused')
      AND version = coalesce(:expected_version, version)
      AND coalesce(:current_block, start_block) BETWEEN start_block AND end_block
    RETURNING {backfill_jobs job}
), audited AS (
    INSERT INTO audit_log (actor, key_id, action, subject, details, address, request_id)
    SELECT :actor, :key_id, :action, :subject, :details::jsonb, :address, :request_id FROM job
)
SELECT row_to_json({answer backfill_jobs job})::text, version FROM job

-- name: refusal
-- Why update_progress found no row.
SELECT status, version, start_block, end_block FROM backfill_jobs WHERE id = :id

-- name: find_jobs
WITH page AS (
    SELECT {backfill_jobs} FROM backfill_jobs
    WHERE true
      AND status = :status -- if given
      AND job_type = :job_type -- if given
      AND (started_at, id) < (:after_time::timestamptz, :after_id::uuid) -- if given
    ORDER BY started_at DESC, id DESC
    LIMIT :limit::bigint + 1 OFFSET :offset::bigint
), shown AS (
    SELECT * FROM page ORDER BY started_at DESC, id DESC LIMIT :limit::bigint
)
SELECT coalesce(json_agg({answer backfill_jobs shown} ORDER BY started_at DESC, id DESC), '[]')::text,
       CASE WHEN (SELECT count(*) FROM page) > :limit::bigint
            THEN (SELECT started_at || ' ' || id FROM shown ORDER BY started_at, id LIMIT 1) END
FROM shown
