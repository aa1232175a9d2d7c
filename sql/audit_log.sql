-- name: find_entries
WITH page AS (
    SELECT at, id, actor, key_id, action, subject, details, address, request_id FROM audit_log
    WHERE true
      AND at >= :start_time -- if given
      AND at <= :end_time -- if given
      AND actor = :actor -- if given
      AND action = :action -- if given
      AND subject = :subject -- if given
      AND request_id = :request_id -- if given
      AND (at, id) < (:after_time::timestamptz, :after_id::bigint) -- if given
    ORDER BY at DESC, id DESC
    LIMIT :limit::bigint + 1 OFFSET :offset::bigint
), shown AS (
    SELECT * FROM page ORDER BY at DESC, id DESC LIMIT :limit::bigint
)
SELECT coalesce(json_agg((SELECT answer FROM (SELECT
           {time at} AS at, id, actor, key_id, action, subject, details, address, request_id) AS answer)
           ORDER BY at DESC, id DESC), '[]')::text,
       CASE WHEN (SELECT count(*) FROM page) > :limit::bigint
            THEN (SELECT at || ' ' || id FROM shown ORDER BY at, id LIMIT 1) END
FROM shown

-- name: append
INSERT INTO audit_log (actor, key_id, action, subject, details, address, request_id)
VALUES (:actor, :key_id, :action, :subject, :details::jsonb, :address, :request_id)

-- name: ensure_ahead
SELECT month::text FROM audit_log_ensure_ahead() AS month

-- name: drop_before
SELECT dropped, deleted FROM audit_log_drop_before(:expires)
