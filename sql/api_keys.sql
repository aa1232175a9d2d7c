-- columns: shown
-- All of a key but its digest.
id, name, owner, scopes, requests_per_hour, batches_per_hour, api_key_status(key) AS status, created_at, created_by,
expires_at, revoked_at, successor, last_used_at

-- columns: answer
-- A row of those, called key, with its times as answers spell them.
(SELECT answer FROM (SELECT
    key.id, key.name, key.owner, key.scopes, key.requests_per_hour, key.batches_per_hour, key.status,
    {time key.created_at} AS created_at, key.created_by, {time key.expires_at} AS expires_at,
    {time key.revoked_at} AS revoked_at, key.successor, {time key.last_used_at} AS last_used_at) AS answer)

-- name: check_key
SELECT id, name, scopes, requests_per_hour, batches_per_hour, status, seconds_left FROM api_key_check(:digest)

-- name: create_key
-- No row where an unrevoked key has the name.
WITH key AS (
    INSERT INTO api_keys AS key (
        id, digest, name, owner, scopes, requests_per_hour, batches_per_hour, expires_at, created_by)
    VALUES (:id, :digest, :name, :owner, :scopes::varchar[], :requests_per_hour, :batches_per_hour, :expires_at, :actor)
    ON CONFLICT (name) WHERE revoked_at IS NULL AND successor IS NULL DO NOTHING
    RETURNING {shown}
), audited AS (
    INSERT INTO audit_log (actor, key_id, action, subject, details, address, request_id)
    SELECT :actor, :key_id, :action, :subject, :details::jsonb, :address, :request_id FROM key
)
SELECT row_to_json({answer})::text FROM key

-- name: key_by_id
SELECT row_to_json({answer})::text, status, successor FROM (SELECT {shown} FROM api_keys AS key WHERE id = :id) AS key

-- name: find_keys
WITH page AS (
    SELECT {shown} FROM api_keys AS key
    WHERE true
      AND owner = :owner -- if given
      AND api_key_status(key) = :status -- if given
      AND (created_at, id) < (:after_time::timestamptz, :after_id::text) -- if given
    ORDER BY created_at DESC, id DESC
    LIMIT :limit::bigint + 1 OFFSET :offset::bigint
), shown AS (
    SELECT * FROM page ORDER BY created_at DESC, id DESC LIMIT :limit::bigint
)
SELECT coalesce(json_agg({answer} ORDER BY created_at DESC, id DESC), '[]')::text,
       CASE WHEN (SELECT count(*) FROM page) > :limit::bigint
            THEN (SELECT created_at || ' ' || id FROM shown ORDER BY created_at, id LIMIT 1) END
FROM shown AS key

-- name: hand_over
-- The key stays valid for the overlap, and no longer than it would have been. No row where it is not active, or has its
-- successor.
UPDATE api_keys AS key SET
    successor = :successor, expires_at = least(expires_at, now() + :overlap_seconds * interval '1 second')
WHERE id = :id AND api_key_status(key) = 'active' AND successor IS NULL
RETURNING name, owner, scopes, requests_per_hour, batches_per_hour

-- name: revoke_key
-- No row where it is unknown, or revoked.
WITH key AS (
    UPDATE api_keys AS key SET revoked_at = now() WHERE id = :id AND revoked_at IS NULL
    RETURNING {shown}
), audited AS (
    INSERT INTO audit_log (actor, key_id, action, subject, details, address, request_id)
    SELECT :actor, :key_id, :action, :subject, :details::jsonb, :address, :request_id FROM key
)
SELECT row_to_json({answer})::text FROM key

-- name: declare_key
-- A deployment's own key: as it is declared, but for a revocation, which stays.
WITH key AS (
    INSERT INTO api_keys AS key (
        id, digest, name, owner, scopes, requests_per_hour, batches_per_hour, expires_at, created_by)
    VALUES (:id, :digest, :name, :owner, :scopes::varchar[], :requests_per_hour, :batches_per_hour, :expires_at, :actor)
    ON CONFLICT (id) DO UPDATE SET
        scopes = excluded.scopes, requests_per_hour = excluded.requests_per_hour,
        batches_per_hour = excluded.batches_per_hour, expires_at = excluded.expires_at
    WHERE (key.scopes, key.requests_per_hour, key.batches_per_hour, key.expires_at)
        IS DISTINCT FROM (excluded.scopes, excluded.requests_per_hour, excluded.batches_per_hour, excluded.expires_at)
    RETURNING key.id
), audited AS (
    INSERT INTO audit_log (actor, key_id, action, subject, details, address, request_id)
    SELECT :actor, :key_id, :action, :subject, :details::jsonb, :address, :request_id FROM key
)
SELECT id FROM key

-- name: withdraw_keys
-- The deployment's keys that it declares no more.
WITH key AS (
    UPDATE api_keys SET revoked_at = now()
    WHERE created_by = :actor AND revoked_at IS NULL AND NOT id = ANY (:declared::varchar[])
    RETURNING id
)
INSERT INTO audit_log (actor, action, subject, request_id) SELECT :actor, 'key.revoke', id, :request_id FROM key
