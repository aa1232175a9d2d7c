-- Keys of persons, by which the archive holds what tells of them. Only these functions of the database reach them.

-- name: ensure_keys
SELECT person, user_id, key FROM person_keys_ensure(:user_ids::varchar[], :day::date, :source::varchar)

-- name: find_keys
SELECT person, user_id, key FROM person_keys_find(:persons::uuid[])

-- name: forget_keys
SELECT person_keys_forget()

-- name: hold_keys
-- Until the end of the transaction nobody is erased.
SELECT pg_advisory_xact_lock_shared(hashtextextended('person_keys', 0))

-- name: pending_erasures
SELECT digest FROM pending_erasures

-- name: end_erasures
-- Once no object holds persons' rows unencrypted.
DELETE FROM pending_erasures WHERE NOT EXISTS (
    SELECT FROM archive_objects WHERE table_name = 'insight_feedback' AND NOT sealed AND state <> 'abandoned')

-- name: archived_objects_of
-- Those that may hold rows of a person, with the person's key.
SELECT person, key, name, day::text, first_at, row_count, sha256, generation, sealed FROM person_archive(:user_id::varchar)
ORDER BY first_at, name

-- name: audit_entries_of
SELECT at::text, id, json_build_object(
    'at', {time at}, 'actor', actor, 'action', action, 'subject', subject,
    'address', CASE WHEN actor = 'user:' || :user_id::text THEN address END,
    'request_id', request_id)::text
FROM person_audit(:user_id::varchar, :after_time::timestamptz, :after_id::bigint, :limit::bigint)

-- name: feedback_of
SELECT created_at::text, id::text, row_to_json({answer insight_feedback feedback})::text FROM insight_feedback AS feedback
WHERE user_id = :user_id AND (created_at, id) > (:after_time::timestamptz, :after_id::uuid)
ORDER BY created_at, id LIMIT :limit::bigint

-- name: insights_of
SELECT insight_id FROM insight_feedback WHERE user_id = :user_id

-- name: erase
SELECT feedback, archived_days, audit_entries, objects_in_clear, insights FROM person_erase(
    :user_id::varchar, :actor::varchar, :key_id::varchar, :address::varchar, :request_id::varchar)
