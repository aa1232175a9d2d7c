-- name: fence
-- Comes before a change, in the same message and transaction. It fails after a moment of the server's clock, given in
-- seconds since 1970, and lets the change take no longer than until then: set_config refuses -1 as a time. No rows.
SELECT FROM (
    SELECT floor(1000 * (:moment::float8 - extract(epoch FROM clock_timestamp())::float8)) AS milliseconds
) AS rest
WHERE set_config('statement_timeout',
                 (CASE WHEN milliseconds >= 1 THEN milliseconds ELSE -1 END)::int::text, true) IS NULL

-- name: identify
-- Which process of the server serves the session, and its clock in seconds since 1970.
SELECT pid, backend_start::text, extract(epoch FROM clock_timestamp())::float8
FROM pg_stat_activity WHERE pid = pg_backend_pid()

-- name: end_backend
-- Ends such a process, of the same role. How many still run after a second: 0 or 1.
SELECT count(*) FROM pg_stat_activity
WHERE CASE WHEN pid = :pid::int AND backend_start = :started::timestamptz
           THEN NOT pg_terminate_backend(pid, 1000) ELSE false END
