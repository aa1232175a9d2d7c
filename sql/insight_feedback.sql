-- Each of these writes many rows, no two of them of one user and insight. They are locked in the order of their keys:
-- two statements at once cannot deadlock.

-- name: rate
-- A comment that is not sent with the rating stays as it is.
WITH given AS (
    SELECT * FROM unnest(:insight_ids::varchar[], :user_ids::varchar[], :ratings::smallint[], :comments::varchar[])
        AS given (insight_id, user_id, rating, comment)
), feedback AS (
    INSERT INTO insight_feedback AS feedback (id, insight_id, user_id, rating, comment)
    SELECT gen_random_uuid(), insight_id, user_id, rating, comment FROM given ORDER BY insight_id, user_id
    ON CONFLICT (insight_id, user_id) DO UPDATE SET
        rating = excluded.rating, comment = coalesce(excluded.comment, feedback.comment), updated_at = now()
    RETURNING {insight_feedback feedback}
), audited AS (
    INSERT INTO audit_log (actor, key_id, action, subject, details, address, request_id)
    SELECT * FROM unnest(
        :actors::varchar[], :key_ids::varchar[], :actions::varchar[], :subjects::varchar[], :details::jsonb[],
        :addresses::varchar[], :request_ids::varchar[])
)
SELECT insight_id, user_id, row_to_json({answer insight_feedback feedback})::text FROM feedback

-- name: comment
WITH given AS (
    SELECT * FROM unnest(:insight_ids::varchar[], :user_ids::varchar[], :comments::varchar[])
        AS given (insight_id, user_id, comment)
), feedback AS (
    INSERT INTO insight_feedback AS feedback (id, insight_id, user_id, comment)
    SELECT gen_random_uuid(), insight_id, user_id, comment FROM given ORDER BY insight_id, user_id
    ON CONFLICT (insight_id, user_id) DO UPDATE SET comment = excluded.comment, updated_at = now()
    RETURNING {insight_feedback feedback}
), audited AS (
    INSERT INTO audit_log (actor, key_id, action, subject, details, address, request_id)
    SELECT * FROM unnest(
        :actors::varchar[], :key_ids::varchar[], :actions::varchar[], :subjects::varchar[], :details::jsonb[],
        :addresses::varchar[], :request_ids::varchar[])
)
SELECT insight_id, user_id, row_to_json({answer insight_feedback feedback})::text FROM feedback

-- name: flag
WITH given AS (
    SELECT * FROM unnest(
        :insight_ids::varchar[], :user_ids::varchar[], :flag_types::varchar[], :flag_reasons::varchar[])
        AS given (insight_id, user_id, flag_type, flag_reason)
), feedback AS (
    INSERT INTO insight_feedback AS feedback (id, insight_id, user_id, flag_type, flag_reason)
    SELECT gen_random_uuid(), insight_id, user_id, flag_type, flag_reason FROM given ORDER BY insight_id, user_id
    ON CONFLICT (insight_id, user_id) DO UPDATE SET
        flag_type = excluded.flag_type, flag_reason = excluded.flag_reason, updated_at = now()
    RETURNING {insight_feedback feedback}
), audited AS (
    INSERT INTO audit_log (actor, key_id, action, subject, details, address, request_id)
    SELECT * FROM unnest(
        :actors::varchar[], :key_ids::varchar[], :actions::varchar[], :subjects::varchar[], :details::jsonb[],
        :addresses::varchar[], :request_ids::varchar[])
)
SELECT insight_id, user_id, row_to_json({answer insight_feedback feedback})::text FROM feedback

-- name: clear
-- A part of a user's feedback on an insight, or all of it; a row of which nothing is left goes. What is clear already stays
-- as it is, and is not audited.
WITH held AS (
    SELECT id,
           CASE WHEN :part::text IN ('rating', 'all') THEN NULL ELSE rating END AS rating,
           CASE WHEN :part::text IN ('comment', 'all') THEN NULL ELSE comment END AS comment,
           CASE WHEN :part::text IN ('flag', 'all') THEN NULL ELSE flag_type END AS flag_type,
           CASE WHEN :part::text IN ('flag', 'all') THEN NULL ELSE flag_reason END AS flag_reason
    FROM insight_feedback WHERE insight_id = :insight_id AND user_id = :user_id
    FOR UPDATE
), kept AS (
    UPDATE insight_feedback AS feedback SET
        rating = held.rating, comment = held.comment, flag_type = held.flag_type, flag_reason = held.flag_reason,
        updated_at = now()
    FROM held
    WHERE feedback.id = held.id AND num_nonnulls(held.rating, held.comment, held.flag_type, held.flag_reason) > 0
      AND (feedback.rating, feedback.comment, feedback.flag_type, feedback.flag_reason)
          IS DISTINCT FROM (held.rating, held.comment, held.flag_type, held.flag_reason)
    RETURNING {insight_feedback feedback}
), gone AS (
    DELETE FROM insight_feedback AS feedback USING held
    WHERE feedback.id = held.id AND num_nonnulls(held.rating, held.comment, held.flag_type, held.flag_reason) = 0
    RETURNING feedback.id
), audited AS (
    INSERT INTO audit_log (actor, key_id, action, subject, details, address, request_id)
    SELECT :actor, :key_id, :action, :subject, :details::jsonb, :address, :request_id
    WHERE EXISTS (SELECT FROM kept) OR EXISTS (SELECT FROM gone)
)
SELECT EXISTS (SELECT FROM kept) OR EXISTS (SELECT FROM gone),
       CASE WHEN EXISTS (SELECT FROM kept) THEN (SELECT row_to_json({answer insight_feedback kept})::text FROM kept)
            WHEN NOT EXISTS (SELECT FROM gone) THEN (
                SELECT row_to_json({answer insight_feedback feedback})::text FROM insight_feedback AS feedback
                WHERE insight_id = :insight_id AND user_id = :user_id) END

-- name: stats
SELECT json_build_object(
    'insight_id', :insight_id::text,
    'total_ratings', ratings,
    'average_rating', CASE WHEN ratings = 0 THEN '0.0'::json ELSE to_json(
        (rating_1 + 2 * rating_2 + 3 * rating_3 + 4 * rating_4 + 5 * rating_5)::float8 / ratings) END,
    'rating_distribution',
        json_build_object('1', rating_1, '2', rating_2, '3', rating_3, '4', rating_4, '5', rating_5),
    'total_comments', comments,
    'total_flags', flags_inaccurate + flags_misleading + flags_spam,
    'flag_types', json_strip_nulls(json_build_object(
        'inaccurate', nullif(flags_inaccurate, 0),
        'misleading', nullif(flags_misleading, 0),
        'spam', nullif(flags_spam, 0)))
)::text
FROM (
    SELECT rating_1, rating_2, rating_3, rating_4, rating_5, comments, flags_inaccurate, flags_misleading, flags_spam,
           rating_1 + rating_2 + rating_3 + rating_4 + rating_5 AS ratings
    FROM insight_stats WHERE insight_id = :insight_id
    UNION ALL
    SELECT 0, 0, 0, 0, 0, 0, 0, 0, 0, 0  -- an insight without feedback has statistics as well
    LIMIT 1
) AS stats

-- name: comments
WITH page AS (
    SELECT id, user_id, comment, created_at, updated_at FROM insight_feedback
    WHERE insight_id = :insight_id AND comment IS NOT NULL
      AND (created_at, id) < (:after_time::timestamptz, :after_id::uuid) -- if given
    ORDER BY created_at DESC, id DESC
    LIMIT :limit::bigint + 1 OFFSET :offset::bigint
), shown AS (
    SELECT * FROM page ORDER BY created_at DESC, id DESC LIMIT :limit::bigint
)
SELECT json_build_object(
           'insight_id', :insight_id::text,
           'comments', coalesce(json_agg((SELECT answer FROM (SELECT id, user_id, comment,
               {time created_at} AS created_at, {time updated_at} AS updated_at) AS answer)
               ORDER BY created_at DESC, id DESC), '[]'),
           'total', coalesce((SELECT comments FROM insight_stats WHERE insight_id = :insight_id), 0)
                  - coalesce((SELECT comments FROM archived_insight_stats WHERE insight_id = :insight_id), 0),
           'limit', :limit::bigint,
           'offset', :offset::bigint)::text,
       CASE WHEN (SELECT count(*) FROM page) > :limit::bigint
            THEN (SELECT created_at || ' ' || id FROM shown ORDER BY created_at, id LIMIT 1) END
FROM shown

-- name: of_user
WITH matching AS (
    SELECT {insight_feedback} FROM insight_feedback
    WHERE user_id = :user_id
      AND created_at >= :start_time -- if given
      AND created_at <= :end_time -- if given
      AND rating = :rating -- if given
), page AS (
    SELECT * FROM matching
    WHERE true
      AND (created_at, id) < (:after_time::timestamptz, :after_id::uuid) -- if given
    ORDER BY created_at DESC, id DESC
    LIMIT :limit::bigint + 1 OFFSET :offset::bigint
), shown AS (
    SELECT * FROM page ORDER BY created_at DESC, id DESC LIMIT :limit::bigint
)
SELECT json_build_object(
           'user_id', :user_id::text,
           'feedback', coalesce(json_agg({answer insight_feedback shown} ORDER BY created_at DESC, id DESC), '[]'),
           'total', (SELECT count(*) FROM matching),
           'limit', :limit::bigint,
           'offset', :offset::bigint)::text,
       CASE WHEN (SELECT count(*) FROM page) > :limit::bigint
            THEN (SELECT created_at || ' ' || id FROM shown ORDER BY created_at, id LIMIT 1) END
FROM shown
