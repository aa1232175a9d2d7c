-- name: sweep
-- Each claim takes away more expired keys than it adds, so that the table holds about one lifetime of keys.
DELETE FROM idempotency_keys WHERE (caller, key) IN (
    SELECT caller, key FROM idempotency_keys WHERE expires_at < now()
    ORDER BY expires_at LIMIT 2 FOR UPDATE SKIP LOCKED)

-- name: claim
-- Waits for a claim of the same key that is under way; no row where the key is taken.
INSERT INTO idempotency_keys AS held (caller, key, request_hash, expires_at)
VALUES (:caller, :key, :request_hash, now() + interval '24 hours')
ON CONFLICT (caller, key) DO UPDATE SET
    request_hash = excluded.request_hash, answer = NULL, expires_at = excluded.expires_at
WHERE held.expires_at < now()
RETURNING true

-- name: first_answer
SELECT request_hash, answer FROM idempotency_keys WHERE caller = :caller AND key = :key

-- name: keep_answer
UPDATE idempotency_keys SET answer = :answer WHERE caller = :caller AND key = :key
