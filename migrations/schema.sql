-- The whole schema, written by `make schema` and never by hand; a test compares it with the migrations.

CREATE SCHEMA moving;

CREATE SCHEMA server_statistics;

CREATE TABLE public.api_keys (
    id character varying(12) NOT NULL,
    digest bytea NOT NULL,
    name character varying(100) NOT NULL,
    owner character varying(100) NOT NULL,
    scopes character varying(20)[] NOT NULL,
    requests_per_hour bigint,
    batches_per_hour bigint,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by character varying(200) NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    successor character varying(12),
    last_used_at timestamp with time zone,
    CONSTRAINT api_keys_batches_per_hour_check CHECK ((batches_per_hour > 0)),
    CONSTRAINT api_keys_digest_check CHECK ((octet_length(digest) = 32)),
    CONSTRAINT api_keys_id_check CHECK (((id)::text ~ '^[0-9a-z]{12}$'::text)),
    CONSTRAINT api_keys_name_check CHECK (((name)::text <> ''::text)),
    CONSTRAINT api_keys_owner_check CHECK (((owner)::text <> ''::text)),
    CONSTRAINT api_keys_requests_per_hour_check CHECK ((requests_per_hour > 0)),
    CONSTRAINT api_keys_scopes_check CHECK (((cardinality(scopes) > 0) AND (scopes <@ ARRAY['admin'::character varying, 'backfill:read'::character varying, 'backfill:write'::character varying, 'feedback:read'::character varying, 'feedback:write'::character varying, 'metrics:read'::character varying, 'metrics:write'::character varying])))
)
WITH (fillfactor='50');

CREATE FUNCTION public.api_key_as_json(key public.api_keys) RETURNS json
    LANGUAGE sql STABLE
    AS $$
    SELECT json_build_object(
        'id', key.id, 'name', key.name, 'owner', key.owner, 'scopes', key.scopes,
        'requests_per_hour', key.requests_per_hour, 'batches_per_hour', key.batches_per_hour,
        'status', api_key_status(key), 'created_at', key.created_at, 'created_by', key.created_by,
        'expires_at', key.expires_at, 'revoked_at', key.revoked_at, 'successor', key.successor,
        'last_used_at', key.last_used_at)
$$;

CREATE FUNCTION public.api_key_check(shown bytea) RETURNS TABLE(id character varying, name character varying, scopes character varying[], requests_per_hour bigint, batches_per_hour bigint, status text, seconds_left double precision)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    UPDATE api_keys AS key SET last_used_at = now() WHERE key.id = (
        SELECT due.id FROM api_keys AS due
        WHERE due.digest = shown AND api_key_status(due) = 'active'
          AND (due.last_used_at IS NULL OR due.last_used_at < now() - interval '1 minute')
        FOR UPDATE SKIP LOCKED);
    RETURN QUERY
        SELECT key.id, key.name, key.scopes, key.requests_per_hour, key.batches_per_hour, api_key_status(key),
               extract(epoch FROM key.expires_at - now())::double precision
        FROM api_keys AS key WHERE key.digest = shown;
END
$$;

CREATE FUNCTION public.api_key_status(key public.api_keys) RETURNS text
    LANGUAGE sql STABLE
    AS $$
    SELECT CASE WHEN key.revoked_at <= now() THEN 'revoked' WHEN key.expires_at <= now() THEN 'expired' ELSE 'active' END
$$;

CREATE FUNCTION public.archived_insight_stats_apply(insight text, rating smallint, comment text, flag text, step integer) RETURNS void
    LANGUAGE sql
    AS $$
    INSERT INTO archived_insight_stats AS s VALUES (
        insight,
        CASE WHEN rating = 1 THEN step ELSE 0 END,
        CASE WHEN rating = 2 THEN step ELSE 0 END,
        CASE WHEN rating = 3 THEN step ELSE 0 END,
        CASE WHEN rating = 4 THEN step ELSE 0 END,
        CASE WHEN rating = 5 THEN step ELSE 0 END,
        CASE WHEN comment IS NOT NULL THEN step ELSE 0 END,
        CASE WHEN flag = 'inaccurate' THEN step ELSE 0 END,
        CASE WHEN flag = 'misleading' THEN step ELSE 0 END,
        CASE WHEN flag = 'spam' THEN step ELSE 0 END)
    ON CONFLICT (insight_id) DO UPDATE SET
        rating_1 = s.rating_1 + excluded.rating_1,
        rating_2 = s.rating_2 + excluded.rating_2,
        rating_3 = s.rating_3 + excluded.rating_3,
        rating_4 = s.rating_4 + excluded.rating_4,
        rating_5 = s.rating_5 + excluded.rating_5,
        comments = s.comments + excluded.comments,
        flags_inaccurate = s.flags_inaccurate + excluded.flags_inaccurate,
        flags_misleading = s.flags_misleading + excluded.flags_misleading,
        flags_spam = s.flags_spam + excluded.flags_spam
$$;

CREATE FUNCTION public.audit_log_drop_before(expires timestamp with time zone, OUT dropped text[], OUT deleted bigint) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    SET lock_timeout TO '2s'
    SET "TimeZone" TO 'UTC'
    AS $_$
DECLARE
    part record;
    count bigint;
BEGIN
    IF expires > now() - interval '30 days' THEN
        RAISE EXCEPTION 'entries of the last 30 days are kept';
    END IF;
    dropped := '{}';
    deleted := 0;
    FOR part IN
        SELECT oid, relname, substring(pg_get_expr(relpartbound, oid) FROM 'TO \(''([^'']+)''\)$')::timestamptz AS bound,
               relname IN ('audit_log_before', 'audit_log_default') AS of_many_months
        FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = 'audit_log'::regclass ORDER BY relname
    LOOP
        IF part.bound <= expires THEN
            EXECUTE format('DROP TABLE %I', part.relname);
            dropped := dropped || part.relname::text;
        ELSIF part.of_many_months THEN
            EXECUTE format('DELETE FROM %1$I WHERE (at, id) IN (
                SELECT at, id FROM %1$I WHERE at < $1 ORDER BY at, id LIMIT 10000)', part.relname) USING expires;
            GET DIAGNOSTICS count = ROW_COUNT;
            deleted := deleted + count;
        END IF;
    END LOOP;
END
$_$;

CREATE FUNCTION public.audit_log_ensure_ahead() RETURNS SETOF date
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    SET lock_timeout TO '2s'
    SET "TimeZone" TO 'UTC'
    AS $_$
DECLARE
    month date;
    covered timestamptz := (
        SELECT substring(pg_get_expr(relpartbound, oid) FROM 'TO \(''([^'']+)''\)$')::timestamptz
        FROM pg_class WHERE oid = to_regclass('audit_log_before')
    );
BEGIN
    FOR ahead IN 0..3 LOOP
        month := date_trunc('month', now()) + ahead * interval '1 month';
        CONTINUE WHEN month < covered OR to_regclass('audit_log_' || to_char(month, 'YYYY_MM')) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I PARTITION OF audit_log FOR VALUES FROM (%L) TO (%L)',
            'audit_log_' || to_char(month, 'YYYY_MM'), month::timestamptz, month::timestamptz + interval '1 month');
        EXECUTE format('REVOKE ALL ON %I FROM PUBLIC', 'audit_log_' || to_char(month, 'YYYY_MM'));
        RETURN NEXT month;
    END LOOP;
END
$_$;

CREATE FUNCTION public.backup_count(query text) RETURNS bigint
    LANGUAGE plpgsql STABLE
    AS $$
DECLARE
    rows bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM (%s) AS counted', query) INTO rows;
    RETURN rows;
END
$$;

CREATE FUNCTION public.insight_stats_apply(insight text, rating smallint, comment text, flag text, step integer) RETURNS void
    LANGUAGE sql
    AS $$
    INSERT INTO insight_stats AS s VALUES (
        insight,
        CASE WHEN rating = 1 THEN step ELSE 0 END,
        CASE WHEN rating = 2 THEN step ELSE 0 END,
        CASE WHEN rating = 3 THEN step ELSE 0 END,
        CASE WHEN rating = 4 THEN step ELSE 0 END,
        CASE WHEN rating = 5 THEN step ELSE 0 END,
        CASE WHEN comment IS NOT NULL THEN step ELSE 0 END,
        CASE WHEN flag = 'inaccurate' THEN step ELSE 0 END,
        CASE WHEN flag = 'misleading' THEN step ELSE 0 END,
        CASE WHEN flag = 'spam' THEN step ELSE 0 END)
    ON CONFLICT (insight_id) DO UPDATE SET
        rating_1 = s.rating_1 + excluded.rating_1,
        rating_2 = s.rating_2 + excluded.rating_2,
        rating_3 = s.rating_3 + excluded.rating_3,
        rating_4 = s.rating_4 + excluded.rating_4,
        rating_5 = s.rating_5 + excluded.rating_5,
        comments = s.comments + excluded.comments,
        flags_inaccurate = s.flags_inaccurate + excluded.flags_inaccurate,
        flags_misleading = s.flags_misleading + excluded.flags_misleading,
        flags_spam = s.flags_spam + excluded.flags_spam
$$;

CREATE FUNCTION public.insight_stats_maintain() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF TG_OP <> 'UPDATE' AND current_setting('utxoiq.archiving', true) = 'on' THEN
        IF NOT pg_has_role(session_user, 'utxoiq_retention', 'MEMBER') THEN
            RAISE EXCEPTION '% does not move rows to the archive or back', session_user USING ERRCODE = '42501';
        END IF;
        IF TG_OP = 'DELETE' THEN
            PERFORM archived_insight_stats_apply(OLD.insight_id, OLD.rating, OLD.comment, OLD.flag_type, 1);
        ELSE
            PERFORM archived_insight_stats_apply(NEW.insight_id, NEW.rating, NEW.comment, NEW.flag_type, -1);
        END IF;
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' AND (OLD.insight_id, OLD.rating, OLD.comment IS NULL, OLD.flag_type)
        IS NOT DISTINCT FROM (NEW.insight_id, NEW.rating, NEW.comment IS NULL, NEW.flag_type) THEN
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        PERFORM insight_stats_apply(OLD.insight_id, OLD.rating, OLD.comment, OLD.flag_type, -1);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM insight_stats_apply(NEW.insight_id, NEW.rating, NEW.comment, NEW.flag_type, 1);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.metric_points_close() RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    SET lock_timeout TO '1s'
    AS $$
DECLARE
    mark metric_watermark;
    target timestamptz;
BEGIN
    SELECT * INTO mark FROM metric_watermark FOR UPDATE SKIP LOCKED;
    IF mark IS NULL OR mark.folded < mark.closing THEN
        RETURN mark IS NOT NULL;
    END IF;
    target := least(mark.closing + interval '1 hour', date_trunc('hour', now() - interval '5 minutes', 'UTC'));
    IF mark.closing = '-infinity' OR target <= mark.closing THEN
        RETURN false;
    END IF;
    LOCK TABLE ONLY metric_points IN SHARE MODE;
    UPDATE metric_watermark SET closing = target;
    RETURN true;
END
$$;

CREATE FUNCTION public.metric_points_fold(OUT until timestamp with time zone, OUT more boolean) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    mark metric_watermark;
    merged bigint;
    most CONSTANT bigint := 20000;
BEGIN
    SELECT * INTO mark FROM metric_watermark FOR UPDATE;
    WITH covered AS (
        DELETE FROM metric_deltas WHERE bucket >= mark.folded AND bucket < mark.closing
    ), late AS (
        DELETE FROM metric_deltas WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM metric_deltas WHERE bucket < mark.folded LIMIT most))
        RETURNING series, bucket, value_count, value_sum, value_min, value_max, first_at, last_at
    ), fresh AS (
        SELECT metric_series.series, points.* FROM metric_series CROSS JOIN LATERAL (
            SELECT date_trunc('hour', "timestamp", 'UTC') AS bucket, count(*) AS value_count,
                   sum(CASE WHEN abs(metric_value) > 1e-280 THEN metric_value * 5.421010862427522e-20 ELSE 0 END)
                       AS value_sum,
                   min(metric_value) AS value_min, max(metric_value) AS value_max,
                   min("timestamp") AS first_at, max("timestamp") AS last_at
            FROM metric_points
            WHERE metric_points.series = metric_series.series
              AND "timestamp" >= mark.folded AND "timestamp" < mark.closing
            GROUP BY 1
        ) AS points
        WHERE mark.folded < mark.closing
    ), parts AS (
        SELECT 'hour' AS resolution, fresh.* FROM fresh
        UNION ALL
        SELECT 'hour', late.* FROM late
        UNION ALL
        SELECT 'day', series, date_trunc('day', bucket, 'UTC'), value_count, value_sum, value_min, value_max,
               first_at, last_at
        FROM late WHERE bucket < date_trunc('day', mark.folded, 'UTC')
    ), stored AS (
        -- An hour that is folded for the first time may have a rollup of the release before, which counted less.
        INSERT INTO metric_rollups AS rollup (service_name, metric_type, resolution, bucket,
            value_count, value_sum, value_min, value_max, first_at, last_at)
        SELECT service_name, metric_type, resolution, bucket, sum(value_count), sum(value_sum), min(value_min),
               max(value_max), min(first_at), max(last_at)
        FROM parts JOIN metric_series USING (series)
        GROUP BY service_name, metric_type, resolution, bucket
        ON CONFLICT (service_name, metric_type, resolution, bucket) DO UPDATE SET
            (value_count, value_sum, value_min, value_max, first_at, last_at) = (
                SELECT sum(part.value_count), sum(part.value_sum), min(part.value_min), max(part.value_max),
                       min(part.first_at), max(part.last_at)
                FROM (VALUES
                    (excluded.value_count, excluded.value_sum, excluded.value_min, excluded.value_max,
                     excluded.first_at, excluded.last_at, true),
                    (rollup.value_count, rollup.value_sum, rollup.value_min, rollup.value_max,
                     rollup.first_at, rollup.last_at, rollup.bucket < mark.folded)
                ) AS part (value_count, value_sum, value_min, value_max, first_at, last_at, counts)
                WHERE counts)
    )
    SELECT count(*) INTO merged FROM late;
    IF date_trunc('day', mark.closing, 'UTC') > mark.folded THEN
        INSERT INTO metric_rollups AS rollup (service_name, metric_type, resolution, bucket,
            value_count, value_sum, value_min, value_max, first_at, last_at)
        SELECT service_name, metric_type, 'day', date_trunc('day', mark.folded, 'UTC'), hours.*
        FROM (SELECT DISTINCT service_name, metric_type FROM metric_series) AS named CROSS JOIN LATERAL (
            SELECT sum(value_count), sum(value_sum), min(value_min), max(value_max), min(first_at), max(last_at)
            FROM metric_rollups AS hour
            WHERE hour.service_name = named.service_name AND hour.metric_type = named.metric_type
              AND hour.resolution = 'hour' AND hour.bucket >= date_trunc('day', mark.folded, 'UTC')
              AND hour.bucket < date_trunc('day', mark.folded, 'UTC') + interval '1 day'
            HAVING count(*) > 0
        ) AS hours
        ON CONFLICT (service_name, metric_type, resolution, bucket) DO UPDATE SET
            value_count = excluded.value_count, value_sum = excluded.value_sum, value_min = excluded.value_min,
            value_max = excluded.value_max, first_at = excluded.first_at, last_at = excluded.last_at;
    END IF;
    UPDATE metric_watermark SET folded = mark.closing WHERE folded <> mark.closing;
    until := mark.closing;
    more := merged = most
        OR mark.closing > '-infinity' AND mark.closing < date_trunc('hour', now() - interval '5 minutes', 'UTC');
END
$$;

CREATE FUNCTION public.metric_points_note_late() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'metrics are recorded in transactions that are READ COMMITTED'
            USING ERRCODE = 'feature_not_supported';
    END IF;
    -- Nothing is late, as a rule; to know that costs a quarter of what it costs to add up nothing.
    IF NOT EXISTS (SELECT FROM recorded WHERE "timestamp" < (SELECT closing FROM metric_watermark)) THEN
        RETURN NULL;
    END IF;
    -- Rows that move between tables, or come back from the archive, were counted when they came first. Only who moves them
    -- is believed that they do: retention, and whoever the tables belong to.
    IF current_setting('utxoiq.archiving', true) = 'on' AND (
        pg_has_role(session_user, 'utxoiq_retention', 'MEMBER') OR pg_has_role(session_user, current_user, 'MEMBER')
    ) THEN
        RETURN NULL;
    END IF;
    INSERT INTO metric_deltas (series, bucket, value_count, value_sum, value_min, value_max, first_at, last_at)
    SELECT series, date_bin('1 hour', "timestamp", 'epoch'), count(*),
           sum(CASE WHEN abs(metric_value) > 1e-280 THEN metric_value * 5.421010862427522e-20 ELSE 0 END),
           min(metric_value), max(metric_value), min("timestamp"), max("timestamp")
    FROM recorded WHERE "timestamp" < (SELECT closing FROM metric_watermark)
    GROUP BY 1, 2;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.metric_rollups_ignore() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF current_user = (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = TG_RELID) THEN
        RETURN NEW;
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION public.metric_series_ids(services character varying[], types character varying[], units character varying[], most bigint) RETURNS SETOF bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF EXISTS (SELECT FROM unnest(services, types, units) AS asked (service_name, metric_type, unit)
               LEFT JOIN metric_series USING (service_name, metric_type, unit) WHERE series IS NULL) THEN
        -- One at a time, so that the limit is exact. Where there is none, a transaction that lasts holds up nobody.
        IF most IS NOT NULL THEN
            PERFORM pg_advisory_xact_lock(hashtextextended('metric_series', 0));
        END IF;
        WITH missing AS (
            SELECT DISTINCT service_name, metric_type, unit
            FROM unnest(services, types, units) AS asked (service_name, metric_type, unit)
            LEFT JOIN metric_series USING (service_name, metric_type, unit) WHERE series IS NULL
        )
        INSERT INTO metric_series (series, service_name, metric_type, unit)
        SELECT ('x' || left(replace(gen_random_uuid()::text, '-', ''), 16))::bit(64)::bigint,
               service_name, metric_type, unit
        FROM missing
        WHERE most IS NULL OR most >= (SELECT count(*) FROM missing) + (SELECT count(*) FROM metric_series)
        ON CONFLICT (service_name, metric_type, unit) DO NOTHING;
    END IF;
    RETURN QUERY
        SELECT series FROM unnest(services, types, units) WITH ORDINALITY
            AS asked (service_name, metric_type, unit, place)
        LEFT JOIN metric_series USING (service_name, metric_type, unit)
        ORDER BY place;
END
$$;

CREATE FUNCTION public.metric_sketch_key(value double precision) RETURNS integer
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT CASE WHEN abs(value) > 1e-280
        THEN sign(value)::integer * (40000 + ceil(ln(abs(value)) / 0.01980262729617973)::integer) ELSE 0 END
$$;

CREATE FUNCTION public.metric_sketch_value(key integer) RETURNS double precision
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT sign(key) * exp(least((abs(key) - 40000.5::double precision) * 0.01980262729617973, 709.78))
$$;

CREATE FUNCTION public.person_archive(held_user character varying) RETURNS TABLE(person uuid, key bytea, name character varying, day date, first_at timestamp with time zone, row_count bigint, sha256 bytea, generation bigint, sealed boolean)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    SELECT held.person, held.key, object.name, object.day, object.first_at, object.row_count, object.sha256,
           object.generation, object.sealed
    FROM archive_objects AS object LEFT JOIN person_keys AS held ON held.user_id = held_user
    WHERE object.table_name = 'insight_feedback' AND object.state IN ('archived', 'removed')
      AND CASE WHEN object.sealed THEN object.day = ANY (held.days)
          ELSE NOT EXISTS (SELECT FROM pending_erasures
                           WHERE digest = pg_catalog.sha256(convert_to(held_user, 'UTF8'))) END
$$;

CREATE FUNCTION public.person_audit(held_user character varying, after_at timestamp with time zone, after_id bigint, most bigint) RETURNS TABLE(at timestamp with time zone, id bigint, actor character varying, action character varying, subject character varying, address character varying, request_id character varying)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    SELECT entry.at, entry.id, entry.actor, entry.action, entry.subject, entry.address, entry.request_id
    FROM audit_log AS entry
    WHERE (entry.actor = 'user:' || held_user OR entry.details @> jsonb_build_object('user_id', held_user))
      AND (entry.at, entry.id) > (after_at, after_id)
    ORDER BY entry.at, entry.id LIMIT most
$$;

CREATE FUNCTION public.person_erase(erased character varying, asked_by character varying, asked_key character varying, asked_from character varying, asked_in character varying, OUT feedback bigint, OUT archived_days bigint, OUT audit_entries bigint, OUT objects_in_clear bigint, OUT insights character varying[]) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    named text := 'user:' || erased;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('person_keys', 0));
    WITH gone AS (DELETE FROM insight_feedback AS live WHERE live.user_id = erased RETURNING live.insight_id)
    SELECT count(*), coalesce(array_agg(insight_id), '{}') INTO feedback, insights FROM gone;
    WITH gone AS (DELETE FROM person_keys AS held WHERE held.user_id = erased RETURNING held.days)
    SELECT coalesce(sum(cardinality(days)), 0) INTO archived_days FROM gone;
    UPDATE audit_log AS entry SET
        actor = CASE WHEN entry.actor = named THEN 'erased' ELSE entry.actor END,
        address = CASE WHEN entry.actor = named THEN NULL ELSE entry.address END,
        request_id = CASE WHEN entry.actor = named THEN NULL ELSE entry.request_id END,
        details = nullif(CASE WHEN entry.actor = named THEN entry.details - 'own_request_id' ELSE entry.details END
            - 'user_id', '{}')
    WHERE entry.actor = named OR entry.details @> jsonb_build_object('user_id', erased);
    GET DIAGNOSTICS audit_entries = ROW_COUNT;
    SELECT count(*) INTO objects_in_clear FROM archive_objects
    WHERE table_name = 'insight_feedback' AND NOT sealed;  -- abandoned: withdrawn, and not removed yet
    IF objects_in_clear > 0 THEN
        INSERT INTO pending_erasures (digest) VALUES (sha256(convert_to(erased, 'UTF8')))
        ON CONFLICT (digest) DO UPDATE SET requested_at = now();
    END IF;
    IF feedback + archived_days + audit_entries > 0 THEN
        INSERT INTO audit_log (actor, key_id, action, details, address, request_id) VALUES (
            CASE WHEN asked_by = named THEN 'erased' ELSE asked_by END, asked_key, 'feedback.erase',
            jsonb_build_object('feedback', feedback, 'archived_days', archived_days, 'audit_entries', audit_entries),
            CASE WHEN asked_by = named THEN NULL ELSE asked_from END,
            CASE WHEN asked_by = named THEN NULL ELSE asked_in END);
    END IF;
END
$$;

CREATE FUNCTION public.person_keys_ensure(user_ids character varying[], archive_day date, source character varying) RETURNS TABLE(person uuid, user_id character varying, key bytea)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('person_keys', 0));
    INSERT INTO person_keys AS held (user_id, days)
    SELECT DISTINCT given.user_id, ARRAY[archive_day] FROM unnest(user_ids) AS given (user_id)
    WHERE CASE source
        WHEN 'table' THEN EXISTS (SELECT FROM insight_feedback AS live WHERE live.user_id = given.user_id)
        WHEN 'clear' THEN NOT EXISTS (
            SELECT FROM pending_erasures WHERE digest = sha256(convert_to(given.user_id, 'UTF8')))
        ELSE false END
    ORDER BY 1
    ON CONFLICT ON CONSTRAINT person_keys_user_id_key DO UPDATE SET days = held.days || excluded.days
        WHERE NOT held.days @> excluded.days;
    RETURN QUERY SELECT held.person, held.user_id, held.key FROM person_keys AS held
        WHERE held.user_id = ANY (user_ids);
END
$$;

CREATE FUNCTION public.person_keys_find(persons uuid[]) RETURNS TABLE(person uuid, user_id character varying, key bytea)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    SELECT held.person, held.user_id, held.key FROM person_keys AS held WHERE held.person = ANY (persons)
$$;

CREATE FUNCTION public.person_keys_forget() RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
    DELETE FROM person_keys AS held WHERE NOT EXISTS (
        SELECT FROM archive_objects WHERE table_name = 'insight_feedback' AND state <> 'abandoned' AND day = ANY (held.days))
$$;

CREATE FUNCTION public.server_activity() RETURNS json
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    WITH clients AS (
        SELECT pid, coalesce(state, 'unknown') AS state, xact_start FROM pg_stat_activity
        WHERE coalesce(backend_type, 'client backend') = 'client backend' AND datid IS NOT NULL
    )
    SELECT json_build_object(
        'max_connections', current_setting('max_connections')::integer,
        'connections', (SELECT json_object_agg(state, number ORDER BY state)
                        FROM (SELECT state, count(*) AS number FROM clients GROUP BY state) AS states),
        'longest_transaction_seconds', (SELECT extract(epoch FROM clock_timestamp() - min(xact_start))::double precision
                                        FROM clients WHERE pid <> pg_backend_pid()))
$$;

CREATE FUNCTION public.server_statements(most integer) RETURNS json
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'server_statistics', 'public', 'pg_temp'
    AS $_$
DECLARE
    found json;
BEGIN
    IF to_regclass('pg_stat_statements') IS NULL THEN
        RETURN NULL;
    END IF;
    EXECUTE $q$
        SELECT coalesce(json_agg(json_build_object(
            'query', left(query, 2000), 'calls', calls, 'rows', returned, 'total_time', total,
            'average_time', total / greatest(calls, 1), 'max_time', longest) ORDER BY total DESC, query), '[]')
        FROM (
            SELECT query, sum(calls)::bigint AS calls, sum(rows)::bigint AS returned, sum(total_exec_time) AS total,
                   max(max_exec_time) AS longest
            FROM pg_stat_statements
            WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
              AND query ~* '^\s*(SELECT|INSERT|UPDATE|DELETE|MERGE|WITH)\y'
            GROUP BY query ORDER BY total DESC, query LIMIT $1
        ) AS top $q$ INTO found USING most;
    RETURN found;
EXCEPTION WHEN object_not_in_prerequisite_state THEN
    RETURN NULL;  -- the extension is there, but the server did not load it when it started
END
$_$;

CREATE FUNCTION public.system_metrics_detach_month(month date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    SET lock_timeout TO '2s'
    AS $$
BEGIN
    IF (month + interval '1 month') AT TIME ZONE 'UTC' > now() THEN
        RAISE EXCEPTION 'the month % has not passed', to_char(month, 'YYYY-MM');
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('metric_sketches', 0));
    DELETE FROM metric_slices
    WHERE bucket >= month::timestamp AT TIME ZONE 'UTC' AND bucket < (month + interval '1 month') AT TIME ZONE 'UTC';
    EXECUTE format('ALTER TABLE metric_points DETACH PARTITION %I', system_metrics_month_name(month));
END
$$;

CREATE FUNCTION public.system_metrics_drop_month(month date, OUT dropped bigint, OUT returned bigint) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    SET lock_timeout TO '2s'
    AS $_$
DECLARE
    part text := system_metrics_month_name(month);
    columns text;
    answered text;
    next_month date := month + interval '1 month';
    is_archived boolean;
    changed date[] := '{}';
BEGIN
    IF EXISTS (SELECT FROM pg_inherits WHERE inhrelid = part::regclass) THEN
        RAISE EXCEPTION '% is not detached', part;
    END IF;
    EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', part);
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns
    FROM pg_attribute WHERE attrelid = part::regclass AND attnum > 0 AND NOT attisdropped;
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO answered
    FROM pg_attribute WHERE attrelid = 'system_metrics'::regclass AND attnum > 0 AND NOT attisdropped;
    returned := 0;
    -- All of it at once first, which takes a third of the time.
    EXECUTE format($q$
        SELECT present.row_count, (present.row_count, present.row_hash)
               IS NOT DISTINCT FROM (coalesce(archived.row_count, 0), archived.row_hash)
        FROM (
            SELECT count(*) AS row_count, bit_xor(hash_record_extended(ROW(%2$s), 0)) AS row_hash
            FROM %1$I JOIN metric_series USING (series)
        ) AS present, (
            SELECT sum(row_count) AS row_count, bit_xor(row_hash) AS row_hash FROM archive_objects
            WHERE table_name = 'system_metrics' AND state = 'archived' AND day >= $1 AND day < $2
        ) AS archived $q$, part, answered) INTO dropped, is_archived USING month, next_month;
    IF NOT is_archived THEN
        EXECUTE format($q$
            WITH present AS (
                SELECT ("timestamp" AT TIME ZONE 'UTC')::date AS day, count(*) AS row_count, bit_xor(hash_record_extended(
                    ROW(%2$s), 0)) AS row_hash
                FROM %1$I JOIN metric_series USING (series) GROUP BY 1
            ), archived AS (
                SELECT day, sum(row_count) AS row_count, bit_xor(row_hash) AS row_hash FROM archive_objects
                WHERE table_name = 'system_metrics' AND state = 'archived' AND day >= $1 AND day < $2 GROUP BY 1
            )
            SELECT coalesce(array_agg(day) FILTER (WHERE (present.row_count, present.row_hash)
                       IS DISTINCT FROM (archived.row_count, archived.row_hash)), '{}')
            FROM present FULL JOIN archived USING (day) $q$, part, answered) INTO changed USING month, next_month;
        PERFORM set_config('utxoiq.archiving', 'on', true);  -- they are counted
        EXECUTE format($q$
            INSERT INTO metric_points (%2$s) SELECT %2$s
            FROM %1$I WHERE ("timestamp" AT TIME ZONE 'UTC')::date = ANY ($1) $q$, part, columns) USING changed;
        GET DIAGNOSTICS returned = ROW_COUNT;
        PERFORM set_config('utxoiq.archiving', '', true);
        dropped := dropped - returned;
    END IF;
    UPDATE archive_objects SET state = 'removed', ended_at = now(), keep_until = NULL
    WHERE table_name = 'system_metrics' AND state = 'archived'
      AND day >= month AND day < next_month AND day <> ALL (changed);
    EXECUTE format('DROP TABLE %I', part);
END
$_$;

CREATE FUNCTION public.system_metrics_drop_month(month date, unchanged_since xid8, OUT dropped bigint, OUT returned bigint) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    SET lock_timeout TO '2s'
    AS $_$
DECLARE
    part text := system_metrics_month_name(month);
    columns text;
    compared text;
    next_month date := month + interval '1 month';
    archived record;
    since_age integer;
    is_archived boolean := false;
    changed date[] := '{}';
BEGIN
    IF EXISTS (SELECT FROM pg_inherits WHERE inhrelid = part::regclass) THEN
        RAISE EXCEPTION '% is not detached', part;
    END IF;
    EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', part);
    returned := 0;
    SELECT coalesce(sum(row_count), 0) AS row_count, bit_xor(row_hash) AS row_hash INTO archived FROM archive_objects
    WHERE table_name = 'system_metrics' AND state = 'archived' AND day >= month AND day < next_month;
    -- Ages tell which of two transactions is the later one while both are of the last two billion.
    IF pg_current_xact_id()::text::bigint - unchanged_since::text::bigint BETWEEN 0 AND 2000000000 THEN
        since_age := age(unchanged_since::xid);
        EXECUTE format($q$
            SELECT count(*), count(*) = $1 AND count(*) FILTER (WHERE age(xmin) <= $2) = 0 FROM %I $q$, part)
        INTO dropped, is_archived USING archived.row_count, since_age;
    END IF;
    IF NOT is_archived THEN
        SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns
        FROM pg_attribute WHERE attrelid = part::regclass AND attnum > 0 AND NOT attisdropped;
        SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO compared
        FROM pg_attribute AS shown WHERE attrelid = 'system_metrics'::regclass AND attnum > 0 AND NOT attisdropped
          AND EXISTS (SELECT FROM pg_attribute AS own WHERE own.attrelid = part::regclass AND own.attname = shown.attname
                      AND NOT own.attisdropped);
        -- All of it at once first, which takes a third of the time.
        EXECUTE format($q$
            SELECT row_count, (row_count, row_hash) IS NOT DISTINCT FROM ($1, $2) FROM (
                SELECT count(*) AS row_count, bit_xor(hash_record_extended(ROW(series, %2$s), 0)) AS row_hash FROM %1$I
            ) AS present $q$, part, compared) INTO dropped, is_archived USING archived.row_count, archived.row_hash;
    END IF;
    IF NOT is_archived THEN
        EXECUTE format($q$
            WITH present AS (
                SELECT ("timestamp" AT TIME ZONE 'UTC')::date AS day, count(*) AS row_count,
                       bit_xor(hash_record_extended(ROW(series, %2$s), 0)) AS row_hash
                FROM %1$I GROUP BY 1
            ), archived AS (
                SELECT day, sum(row_count) AS row_count, bit_xor(row_hash) AS row_hash FROM archive_objects
                WHERE table_name = 'system_metrics' AND state = 'archived' AND day >= $1 AND day < $2 GROUP BY 1
            )
            SELECT coalesce(array_agg(day) FILTER (WHERE (present.row_count, present.row_hash)
                       IS DISTINCT FROM (archived.row_count, archived.row_hash)), '{}')
            FROM present FULL JOIN archived USING (day) $q$, part, compared) INTO changed USING month, next_month;
        PERFORM set_config('utxoiq.archiving', 'on', true);  -- they are counted
        EXECUTE format($q$
            INSERT INTO metric_points (%2$s) SELECT %2$s
            FROM %1$I WHERE ("timestamp" AT TIME ZONE 'UTC')::date = ANY ($1) $q$, part, columns) USING changed;
        GET DIAGNOSTICS returned = ROW_COUNT;
        PERFORM set_config('utxoiq.archiving', '', true);
        dropped := dropped - returned;
    END IF;
    UPDATE archive_objects SET state = 'removed', ended_at = now(), keep_until = NULL
    WHERE table_name = 'system_metrics' AND state = 'archived'
      AND day >= month AND day < next_month AND day <> ALL (changed);
    EXECUTE format('DROP TABLE %I', part);
END
$_$;

CREATE FUNCTION public.system_metrics_ensure_ahead() RETURNS SETOF date
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    month timestamptz;
BEGIN
    FOR ahead IN 0..3 LOOP
        month := date_trunc('month', now(), 'UTC') + ahead * interval '1 month';
        IF system_metrics_ensure_month(month) THEN
            RETURN NEXT (month AT TIME ZONE 'UTC')::date;
        END IF;
    END LOOP;
END
$$;

CREATE FUNCTION public.system_metrics_ensure_month(moment timestamp with time zone) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    SET lock_timeout TO '5s'
    AS $$
DECLARE
    month timestamp := date_trunc('month', moment AT TIME ZONE 'UTC');
    starts timestamptz := month AT TIME ZONE 'UTC';
    ends timestamptz := (month + interval '1 month') AT TIME ZONE 'UTC';
    partition_name text := system_metrics_month_name(month::date);
BEGIN
    IF to_regclass(partition_name) IS NOT NULL THEN
        RETURN false;
    END IF;
    PERFORM pg_advisory_xact_lock('metric_points'::regclass::oid::bigint);
    -- Not to_regclass, which may not have heard yet of a table that was made during the wait.
    IF EXISTS (SELECT FROM pg_class WHERE relname = partition_name AND relnamespace = 'public'::regnamespace) THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE metric_points INCLUDING ALL)', partition_name);
    LOCK TABLE metric_points_default IN ACCESS EXCLUSIVE MODE;
    EXECUTE format(
        'WITH moved AS (DELETE FROM metric_points_default WHERE "timestamp" >= %L AND "timestamp" < %L RETURNING *)'
        ' INSERT INTO %I SELECT * FROM moved', starts, ends, partition_name);
    EXECUTE format('ALTER TABLE metric_points ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        partition_name, starts, ends);
    RETURN true;
END
$$;

CREATE FUNCTION public.system_metrics_insert() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO metric_points (series, "timestamp", id, metric_value, metric_metadata)
    SELECT series, NEW."timestamp", NEW.id, NEW.metric_value, NEW.metric_metadata
    FROM metric_series_ids(ARRAY[NEW.service_name], ARRAY[NEW.metric_type], ARRAY[NEW.unit], NULL) AS series;
    RETURN NEW;
END
$$;

CREATE FUNCTION public.system_metrics_lock() RETURNS void
    LANGUAGE plpgsql
    SET lock_timeout TO '100ms'
    AS $$
BEGIN
    FOR attempt IN 1 .. 50 LOOP
        BEGIN
            LOCK TABLE metric_rollups IN SHARE ROW EXCLUSIVE MODE;
            LOCK TABLE system_metrics IN ACCESS EXCLUSIVE MODE;  -- and what the view reads
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(0.05);
        END;
    END LOOP;
    RAISE EXCEPTION 'writers hold the metrics' USING ERRCODE = 'lock_not_available';
END
$$;

CREATE FUNCTION public.system_metrics_month_name(month date) RETURNS text
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT 'metric_points_' || to_char(month, 'YYYY_MM')
$$;

CREATE PROCEDURE public.system_metrics_narrow()
    LANGUAGE plpgsql
    AS $_$
DECLARE
    part text;
    pages bigint;
    first_row text;
    end_row text;
    named record;
BEGIN
    FOR part IN
        SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'system_metrics_wide'::regclass ORDER BY inhrelid
    LOOP
        pages := pg_relation_size(part::regclass) / current_setting('block_size')::bigint;
        FOR page IN 0 .. pages BY 1000 LOOP
            first_row := format('(%s,0)', page);
            end_row := format('(%s,0)', page + 1000);
            -- One series in a transaction: who holds one, and waits for another, is never waited for in turn.
            FOR named IN EXECUTE format($q$
                SELECT service_name, metric_type, unit FROM %s WHERE ctid >= %L AND ctid < %L
                EXCEPT SELECT service_name, metric_type, unit FROM metric_series $q$, part, first_row, end_row)
            LOOP
                PERFORM metric_series_ids(ARRAY[named.service_name], ARRAY[named.metric_type], ARRAY[named.unit], NULL);
                COMMIT;
            END LOOP;
            PERFORM set_config('utxoiq.archiving', 'on', true);
            EXECUTE format($q$
                WITH moved AS (
                    DELETE FROM %s WHERE ctid >= %L AND ctid < %L
                    RETURNING id, service_name, metric_type, metric_value, unit, "timestamp", metric_metadata
                )
                INSERT INTO metric_points (series, "timestamp", id, metric_value, metric_metadata)
                SELECT series, "timestamp", id, metric_value, metric_metadata
                FROM moved JOIN metric_series USING (service_name, metric_type, unit)
                ORDER BY series, "timestamp", id $q$, part, first_row, end_row);
            COMMIT;
        END LOOP;
    END LOOP;
END
$_$;

CREATE FUNCTION public.system_metrics_prepare_month(month date) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    SET lock_timeout TO '2s'
    AS $$
DECLARE
    part text := system_metrics_month_name(month);
BEGIN
    EXECUTE format('CREATE INDEX IF NOT EXISTS %I ON %I USING brin ("timestamp") WITH (pages_per_range = 16)',
        part || '_days', part);
    EXECUTE format('SELECT brin_summarize_new_values(%L)', part || '_days');
END
$$;

CREATE PROCEDURE public.system_metrics_widen()
    LANGUAGE plpgsql
    AS $_$
DECLARE
    part text;
    pages bigint;
BEGIN
    CREATE OR REPLACE FUNCTION system_metrics_insert() RETURNS trigger LANGUAGE plpgsql
        SECURITY DEFINER SET search_path = public, pg_temp AS $body$
    BEGIN
        INSERT INTO system_metrics_wide (id, service_name, metric_type, metric_value, unit, "timestamp", metric_metadata)
        VALUES (NEW.id, NEW.service_name, NEW.metric_type, NEW.metric_value, NEW.unit, NEW."timestamp",
                NEW.metric_metadata);
        RETURN NEW;
    END
    $body$;
    COMMIT;
    FOR part IN
        SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'metric_points'::regclass ORDER BY inhrelid
    LOOP
        pages := pg_relation_size(part::regclass) / current_setting('block_size')::bigint;
        FOR page IN 0 .. pages BY 1000 LOOP
            EXECUTE format($q$
                WITH moved AS (
                    DELETE FROM %s WHERE ctid >= %L AND ctid < %L
                    RETURNING series, "timestamp", id, metric_value, metric_metadata
                )
                INSERT INTO system_metrics_wide (id, service_name, metric_type, metric_value, unit, "timestamp", metric_metadata)
                SELECT id, service_name, metric_type, metric_value, unit, "timestamp", metric_metadata
                FROM moved JOIN metric_series USING (series) $q$,
                part, format('(%s,0)', page), format('(%s,0)', page + 1000));
            COMMIT;
        END LOOP;
    END LOOP;
END
$_$;

CREATE FUNCTION public.utxoiq_add_member(group_role text, member text) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    EXECUTE format('GRANT %I TO %I', group_role, member);
END
$$;

CREATE TABLE moving.imported (
    table_name character varying(63) NOT NULL,
    id uuid NOT NULL,
    source bigint,
    mark character varying(50)
);

CREATE TABLE moving.progress (
    source text NOT NULL,
    place text[] NOT NULL
);

CREATE TABLE moving.report (
    table_name character varying(63) NOT NULL,
    id text NOT NULL,
    reason text NOT NULL,
    reported_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);

CREATE TABLE public.archive_objects (
    name character varying(200) NOT NULL,
    table_name character varying(63) NOT NULL,
    day date NOT NULL,
    state character varying(10) DEFAULT 'writing'::character varying NOT NULL,
    row_count bigint NOT NULL,
    row_hash bigint,
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    bytes bigint,
    sha256 bytea,
    generation bigint,
    keep_until timestamp with time zone,
    begun_at timestamp with time zone DEFAULT now() NOT NULL,
    archived_at timestamp with time zone,
    ended_at timestamp with time zone,
    sealed boolean DEFAULT false NOT NULL,
    CONSTRAINT archive_objects_check CHECK ((((state)::text = ANY ((ARRAY['writing'::character varying, 'abandoned'::character varying])::text[])) OR ((bytes IS NOT NULL) AND (sha256 IS NOT NULL) AND (generation IS NOT NULL) AND (archived_at IS NOT NULL)))),
    CONSTRAINT archive_objects_row_count_check CHECK ((row_count > 0)),
    CONSTRAINT archive_objects_sha256_check CHECK ((octet_length(sha256) = 32)),
    CONSTRAINT archive_objects_state_check CHECK (((state)::text = ANY ((ARRAY['writing'::character varying, 'abandoned'::character varying, 'archived'::character varying, 'removed'::character varying, 'gone'::character varying])::text[]))),
    CONSTRAINT archive_objects_table_name_check CHECK (((table_name)::text = ANY ((ARRAY['backfill_jobs'::character varying, 'insight_feedback'::character varying, 'system_metrics'::character varying])::text[])))
);

CREATE TABLE public.archived_insight_stats (
    insight_id character varying(100) CONSTRAINT insight_stats_insight_id_not_null NOT NULL,
    rating_1 bigint DEFAULT 0 CONSTRAINT insight_stats_rating_1_not_null NOT NULL,
    rating_2 bigint DEFAULT 0 CONSTRAINT insight_stats_rating_2_not_null NOT NULL,
    rating_3 bigint DEFAULT 0 CONSTRAINT insight_stats_rating_3_not_null NOT NULL,
    rating_4 bigint DEFAULT 0 CONSTRAINT insight_stats_rating_4_not_null NOT NULL,
    rating_5 bigint DEFAULT 0 CONSTRAINT insight_stats_rating_5_not_null NOT NULL,
    comments bigint DEFAULT 0 CONSTRAINT insight_stats_comments_not_null NOT NULL,
    flags_inaccurate bigint DEFAULT 0 CONSTRAINT insight_stats_flags_inaccurate_not_null NOT NULL,
    flags_misleading bigint DEFAULT 0 CONSTRAINT insight_stats_flags_misleading_not_null NOT NULL,
    flags_spam bigint DEFAULT 0 CONSTRAINT insight_stats_flags_spam_not_null NOT NULL
);

CREATE TABLE public.audit_log (
    at timestamp with time zone DEFAULT clock_timestamp() CONSTRAINT audit_log_at_not_null1 NOT NULL,
    id bigint CONSTRAINT audit_log_id_not_null1 NOT NULL,
    actor character varying(200) CONSTRAINT audit_log_actor_not_null1 NOT NULL,
    key_id character varying(12),
    action character varying(50) CONSTRAINT audit_log_action_not_null1 NOT NULL,
    subject character varying(300),
    details jsonb,
    address character varying(45),
    request_id character varying(128),
    written_by name DEFAULT SESSION_USER
)
PARTITION BY RANGE (at);

CREATE TABLE public.audit_log_default (
    at timestamp with time zone DEFAULT clock_timestamp() CONSTRAINT audit_log_at_not_null1 NOT NULL,
    id bigint CONSTRAINT audit_log_id_not_null1 NOT NULL,
    actor character varying(200) CONSTRAINT audit_log_actor_not_null1 NOT NULL,
    key_id character varying(12),
    action character varying(50) CONSTRAINT audit_log_action_not_null1 NOT NULL,
    subject character varying(300),
    details jsonb,
    address character varying(45),
    request_id character varying(128),
    written_by name DEFAULT SESSION_USER
);

ALTER TABLE public.audit_log ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.backfill_jobs (
    id uuid NOT NULL,
    job_type character varying(50) NOT NULL,
    start_block bigint NOT NULL,
    end_block bigint NOT NULL,
    current_block bigint NOT NULL,
    status character varying(20) DEFAULT 'running'::character varying NOT NULL,
    progress_percentage double precision DEFAULT 0 NOT NULL,
    estimated_completion timestamp with time zone,
    error_message character varying(2000),
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    completed_at timestamp with time zone,
    created_by character varying(100),
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT backfill_jobs_block_order CHECK (((start_block <= current_block) AND (current_block <= end_block))),
    CONSTRAINT backfill_jobs_completion CHECK ((((status)::text <> 'completed'::text) OR (completed_at IS NOT NULL))),
    CONSTRAINT backfill_jobs_job_type_check CHECK (((job_type)::text <> ''::text)),
    CONSTRAINT backfill_jobs_progress_percentage_check CHECK (((progress_percentage >= (0)::double precision) AND (progress_percentage <= (100)::double precision))),
    CONSTRAINT backfill_jobs_start_block_check CHECK ((start_block >= 0)),
    CONSTRAINT backfill_jobs_status_check CHECK (((status)::text = ANY ((ARRAY['running'::character varying, 'paused'::character varying, 'completed'::character varying, 'failed'::character varying])::text[])))
);

CREATE TABLE public.backup_runs (
    id uuid NOT NULL,
    instance character varying(98) NOT NULL,
    requested_at timestamp with time zone DEFAULT now() NOT NULL,
    facts_before jsonb NOT NULL,
    facts_after jsonb,
    backup_id character varying(100),
    bytes bigint,
    ended_at timestamp with time zone,
    error character varying(2000),
    is_export boolean DEFAULT false NOT NULL,
    CONSTRAINT backup_runs_check CHECK (((error IS NOT NULL) OR (ended_at IS NULL) OR ((backup_id IS NOT NULL) AND (facts_after IS NOT NULL))))
);

CREATE TABLE public.backup_verifications (
    id uuid NOT NULL,
    step character varying(10) DEFAULT 'choose'::character varying NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    ended_at timestamp with time zone,
    backup_run uuid,
    passed boolean,
    error character varying(2000),
    checks jsonb,
    CONSTRAINT backup_verifications_check CHECK (((passed IS NOT NULL) OR ((step)::text = ANY ((ARRAY['choose'::character varying, 'create'::character varying, 'restore'::character varying, 'check'::character varying])::text[])))),
    CONSTRAINT backup_verifications_check1 CHECK (((ended_at IS NULL) = ((step)::text <> 'done'::text))),
    CONSTRAINT backup_verifications_step_check CHECK (((step)::text = ANY ((ARRAY['choose'::character varying, 'create'::character varying, 'restore'::character varying, 'check'::character varying, 'publish'::character varying, 'delete'::character varying, 'done'::character varying])::text[])))
);

CREATE TABLE public.idempotency_keys (
    caller character varying(200) NOT NULL,
    key character varying(255) NOT NULL,
    request_hash bytea NOT NULL,
    answer text,
    expires_at timestamp with time zone NOT NULL,
    owner name DEFAULT SESSION_USER
);

CREATE TABLE public.insight_feedback (
    id uuid NOT NULL,
    insight_id character varying(100) NOT NULL,
    user_id character varying(100) NOT NULL,
    rating smallint,
    comment character varying(1000),
    flag_type character varying(20),
    flag_reason character varying(500),
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT insight_feedback_comment_check CHECK (((comment)::text <> ''::text)),
    CONSTRAINT insight_feedback_flag_type_check CHECK (((flag_type)::text = ANY ((ARRAY['inaccurate'::character varying, 'misleading'::character varying, 'spam'::character varying])::text[]))),
    CONSTRAINT insight_feedback_insight_id_check CHECK (((insight_id)::text <> ''::text)),
    CONSTRAINT insight_feedback_rating_check CHECK (((rating >= 1) AND (rating <= 5))),
    CONSTRAINT insight_feedback_user_id_check CHECK (((user_id)::text <> ''::text))
);

CREATE TABLE public.insight_stats (
    insight_id character varying(100) NOT NULL,
    rating_1 bigint DEFAULT 0 NOT NULL,
    rating_2 bigint DEFAULT 0 NOT NULL,
    rating_3 bigint DEFAULT 0 NOT NULL,
    rating_4 bigint DEFAULT 0 NOT NULL,
    rating_5 bigint DEFAULT 0 NOT NULL,
    comments bigint DEFAULT 0 NOT NULL,
    flags_inaccurate bigint DEFAULT 0 NOT NULL,
    flags_misleading bigint DEFAULT 0 NOT NULL,
    flags_spam bigint DEFAULT 0 NOT NULL
)
WITH (fillfactor='50');

CREATE TABLE public.metric_deltas (
    series bigint NOT NULL,
    bucket timestamp with time zone NOT NULL,
    value_count bigint NOT NULL,
    value_sum double precision NOT NULL,
    value_min double precision NOT NULL,
    value_max double precision NOT NULL,
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL
);

CREATE TABLE public.metric_rollups (
    service_name character varying(100) NOT NULL,
    metric_type character varying(50) NOT NULL,
    resolution character varying(4) NOT NULL,
    bucket timestamp with time zone NOT NULL,
    value_count bigint NOT NULL,
    value_sum double precision NOT NULL,
    value_min double precision NOT NULL,
    value_max double precision NOT NULL,
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    CONSTRAINT metric_rollups_resolution_check CHECK (((resolution)::text = ANY ((ARRAY['hour'::character varying, 'day'::character varying])::text[]))),
    CONSTRAINT metric_rollups_value_count_check CHECK ((value_count > 0))
)
WITH (fillfactor='50');

CREATE TABLE public.metric_series (
    series bigint NOT NULL,
    service_name character varying(100) NOT NULL,
    metric_type character varying(50) NOT NULL,
    unit character varying(20) NOT NULL,
    CONSTRAINT metric_series_metric_type_check CHECK (((metric_type)::text <> ''::text)),
    CONSTRAINT metric_series_service_name_check CHECK (((service_name)::text <> ''::text))
);

CREATE TABLE public.metric_watermark (
    the_one boolean DEFAULT true NOT NULL,
    folded timestamp with time zone NOT NULL,
    closing timestamp with time zone NOT NULL,
    CONSTRAINT metric_watermark_check CHECK ((folded <= closing)),
    CONSTRAINT metric_watermark_the_one_check CHECK (the_one)
);

CREATE VIEW public.metric_parts AS
 SELECT metric_rollups.service_name,
    metric_rollups.metric_type,
    metric_rollups.resolution,
    metric_rollups.bucket,
    metric_rollups.value_count,
    metric_rollups.value_sum,
    metric_rollups.value_min,
    metric_rollups.value_max,
    metric_rollups.first_at,
    metric_rollups.last_at
   FROM public.metric_rollups
  WHERE (metric_rollups.bucket < ( SELECT date_trunc((metric_rollups.resolution)::text, metric_watermark.folded, 'UTC'::text) AS date_trunc
           FROM public.metric_watermark))
UNION ALL
 SELECT metric_series.service_name,
    metric_series.metric_type,
    'hour'::character varying AS resolution,
    metric_deltas.bucket,
    metric_deltas.value_count,
    metric_deltas.value_sum,
    metric_deltas.value_min,
    metric_deltas.value_max,
    metric_deltas.first_at,
    metric_deltas.last_at
   FROM (public.metric_deltas
     JOIN public.metric_series USING (series))
  WHERE (metric_deltas.bucket < ( SELECT metric_watermark.folded
           FROM public.metric_watermark))
UNION ALL
 SELECT metric_series.service_name,
    metric_series.metric_type,
    'day'::character varying AS resolution,
    date_bin('1 day'::interval, metric_deltas.bucket, '1970-01-01 00:00:00+00'::timestamp with time zone) AS bucket,
    metric_deltas.value_count,
    metric_deltas.value_sum,
    metric_deltas.value_min,
    metric_deltas.value_max,
    metric_deltas.first_at,
    metric_deltas.last_at
   FROM (public.metric_deltas
     JOIN public.metric_series USING (series))
  WHERE (metric_deltas.bucket < ( SELECT date_trunc('day'::text, metric_watermark.folded, 'UTC'::text) AS date_trunc
           FROM public.metric_watermark));

CREATE TABLE public.metric_points (
    series bigint NOT NULL,
    "timestamp" timestamp with time zone NOT NULL,
    id uuid NOT NULL,
    metric_value double precision NOT NULL,
    metric_metadata jsonb,
    CONSTRAINT metric_points_metric_value_check CHECK (((metric_value > '-Infinity'::double precision) AND (metric_value < 'Infinity'::double precision)))
)
PARTITION BY RANGE ("timestamp");

CREATE TABLE public.metric_points_default (
    series bigint CONSTRAINT metric_points_series_not_null NOT NULL,
    "timestamp" timestamp with time zone CONSTRAINT metric_points_timestamp_not_null NOT NULL,
    id uuid CONSTRAINT metric_points_id_not_null NOT NULL,
    metric_value double precision CONSTRAINT metric_points_metric_value_not_null NOT NULL,
    metric_metadata jsonb,
    CONSTRAINT metric_points_metric_value_check CHECK (((metric_value > '-Infinity'::double precision) AND (metric_value < 'Infinity'::double precision)))
);

CREATE TABLE public.metric_sketches (
    service_name character varying(100) NOT NULL,
    metric_type character varying(50) NOT NULL,
    resolution character varying(4) NOT NULL,
    bucket timestamp with time zone NOT NULL,
    value_count bigint NOT NULL,
    keys integer[] NOT NULL,
    counts bigint[] NOT NULL,
    CONSTRAINT metric_sketches_check CHECK ((cardinality(keys) = cardinality(counts))),
    CONSTRAINT metric_sketches_resolution_check CHECK (((resolution)::text = ANY ((ARRAY['hour'::character varying, 'day'::character varying])::text[]))),
    CONSTRAINT metric_sketches_value_count_check CHECK ((value_count > 0))
);

CREATE TABLE public.metric_slices (
    service_name character varying(100) NOT NULL,
    metric_type character varying(50) NOT NULL,
    bucket timestamp with time zone NOT NULL,
    value_count bigint NOT NULL,
    counts bigint[] NOT NULL,
    sums double precision[] NOT NULL,
    minima double precision[] NOT NULL,
    maxima double precision[] NOT NULL,
    CONSTRAINT metric_slices_counts_check CHECK ((cardinality(counts) = 12)),
    CONSTRAINT metric_slices_maxima_check CHECK ((cardinality(maxima) = 12)),
    CONSTRAINT metric_slices_minima_check CHECK ((cardinality(minima) = 12)),
    CONSTRAINT metric_slices_sums_check CHECK ((cardinality(sums) = 12)),
    CONSTRAINT metric_slices_value_count_check CHECK ((value_count > 0))
);

CREATE TABLE public.pending_erasures (
    digest bytea NOT NULL,
    requested_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT pending_erasures_digest_check CHECK ((octet_length(digest) = 32))
);

CREATE TABLE public.person_keys (
    person uuid DEFAULT gen_random_uuid() NOT NULL,
    user_id character varying(100) NOT NULL,
    key bytea DEFAULT sha256((uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))) NOT NULL,
    days date[] NOT NULL,
    CONSTRAINT person_keys_key_check CHECK ((octet_length(key) = 32))
);

CREATE TABLE public.retention_runs (
    id bigint NOT NULL,
    caller character varying(200) NOT NULL,
    dry_run boolean NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    ended_at timestamp with time zone,
    status character varying(10),
    results jsonb,
    CONSTRAINT retention_runs_status_check CHECK (((status)::text = ANY ((ARRAY['success'::character varying, 'partial'::character varying, 'failed'::character varying])::text[])))
);

ALTER TABLE public.retention_runs ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.retention_runs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.schedule_successes (
    schedule character varying(50) NOT NULL,
    succeeded_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE VIEW public.system_metrics AS
 SELECT metric_points.id,
    metric_series.service_name,
    metric_series.metric_type,
    metric_points.metric_value,
    metric_series.unit,
    metric_points."timestamp",
    metric_points.metric_metadata
   FROM (public.metric_points
     JOIN public.metric_series USING (series));

ALTER TABLE ONLY public.audit_log ATTACH PARTITION public.audit_log_default DEFAULT;

ALTER TABLE ONLY public.metric_points ATTACH PARTITION public.metric_points_default DEFAULT;

ALTER TABLE ONLY public.system_metrics ALTER COLUMN "timestamp" SET DEFAULT now();

ALTER TABLE ONLY moving.imported
    ADD CONSTRAINT imported_pkey PRIMARY KEY (table_name, id);

ALTER TABLE ONLY moving.progress
    ADD CONSTRAINT progress_pkey PRIMARY KEY (source);

ALTER TABLE ONLY moving.report
    ADD CONSTRAINT report_pkey PRIMARY KEY (table_name, id);

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_digest_key UNIQUE (digest);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.archive_objects
    ADD CONSTRAINT archive_objects_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.archived_insight_stats
    ADD CONSTRAINT archived_insight_stats_pkey PRIMARY KEY (insight_id);

ALTER TABLE ONLY public.audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (at, id);

ALTER TABLE ONLY public.audit_log_default
    ADD CONSTRAINT audit_log_default_pkey PRIMARY KEY (at, id);

ALTER TABLE ONLY public.backfill_jobs
    ADD CONSTRAINT backfill_jobs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.backup_runs
    ADD CONSTRAINT backup_runs_backup_id_key UNIQUE (backup_id);

ALTER TABLE ONLY public.backup_runs
    ADD CONSTRAINT backup_runs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.backup_verifications
    ADD CONSTRAINT backup_verifications_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (caller, key);

ALTER TABLE ONLY public.insight_feedback
    ADD CONSTRAINT insight_feedback_insight_id_user_id_key UNIQUE (insight_id, user_id);

ALTER TABLE ONLY public.insight_feedback
    ADD CONSTRAINT insight_feedback_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.insight_stats
    ADD CONSTRAINT insight_stats_pkey PRIMARY KEY (insight_id);

ALTER TABLE ONLY public.metric_points
    ADD CONSTRAINT metric_points_pkey PRIMARY KEY (series, "timestamp", id);

ALTER TABLE ONLY public.metric_points_default
    ADD CONSTRAINT metric_points_default_pkey PRIMARY KEY (series, "timestamp", id);

ALTER TABLE ONLY public.metric_rollups
    ADD CONSTRAINT metric_rollups_pkey PRIMARY KEY (service_name, metric_type, resolution, bucket);

ALTER TABLE ONLY public.metric_series
    ADD CONSTRAINT metric_series_pkey PRIMARY KEY (series);

ALTER TABLE ONLY public.metric_series
    ADD CONSTRAINT metric_series_service_name_metric_type_unit_key UNIQUE (service_name, metric_type, unit);

ALTER TABLE ONLY public.metric_sketches
    ADD CONSTRAINT metric_sketches_pkey PRIMARY KEY (service_name, metric_type, resolution, bucket);

ALTER TABLE ONLY public.metric_slices
    ADD CONSTRAINT metric_slices_pkey PRIMARY KEY (service_name, metric_type, bucket);

ALTER TABLE ONLY public.metric_watermark
    ADD CONSTRAINT metric_watermark_pkey PRIMARY KEY (the_one);

ALTER TABLE ONLY public.pending_erasures
    ADD CONSTRAINT pending_erasures_pkey PRIMARY KEY (digest);

ALTER TABLE ONLY public.person_keys
    ADD CONSTRAINT person_keys_pkey PRIMARY KEY (person);

ALTER TABLE ONLY public.person_keys
    ADD CONSTRAINT person_keys_user_id_key UNIQUE (user_id);

ALTER TABLE ONLY public.retention_runs
    ADD CONSTRAINT retention_runs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.schedule_successes
    ADD CONSTRAINT schedule_successes_pkey PRIMARY KEY (schedule);

CREATE UNIQUE INDEX api_keys_current_name ON public.api_keys USING btree (name) WHERE ((revoked_at IS NULL) AND (successor IS NULL));

CREATE INDEX api_keys_newest ON public.api_keys USING btree (created_at DESC, id DESC);

CREATE INDEX archive_objects_day ON public.archive_objects USING btree (table_name, day);

CREATE INDEX archive_objects_unfinished ON public.archive_objects USING btree (table_name, state, day) WHERE ((state)::text <> 'removed'::text);

CREATE INDEX backfill_jobs_ended ON public.backfill_jobs USING btree (COALESCE(completed_at, started_at)) WHERE ((status)::text = ANY ((ARRAY['completed'::character varying, 'failed'::character varying])::text[]));

CREATE INDEX backfill_jobs_newest ON public.backfill_jobs USING btree (started_at DESC, id DESC);

CREATE INDEX backfill_jobs_status_newest ON public.backfill_jobs USING btree (status, started_at DESC, id DESC);

CREATE INDEX backfill_jobs_type_newest ON public.backfill_jobs USING btree (job_type, started_at DESC, id DESC);

CREATE INDEX backup_runs_newest ON public.backup_runs USING btree (requested_at DESC);

CREATE UNIQUE INDEX backup_runs_one_at_a_time ON public.backup_runs USING btree ((true)) WHERE (ended_at IS NULL);

CREATE INDEX backup_verifications_newest ON public.backup_verifications USING btree (started_at DESC);

CREATE UNIQUE INDEX backup_verifications_one_at_a_time ON public.backup_verifications USING btree ((true)) WHERE (ended_at IS NULL);

CREATE INDEX idempotency_keys_expiry ON public.idempotency_keys USING btree (expires_at);

CREATE INDEX insight_feedback_comments ON public.insight_feedback USING btree (insight_id, created_at DESC, id DESC) WHERE (comment IS NOT NULL);

CREATE INDEX insight_feedback_updated ON public.insight_feedback USING brin (updated_at) WITH (pages_per_range='16', autosummarize='on');

CREATE INDEX insight_feedback_user ON public.insight_feedback USING btree (user_id, created_at DESC, id DESC);

CREATE INDEX metric_deltas_hour ON public.metric_deltas USING btree (series, bucket);

CREATE INDEX metric_series_type ON public.metric_series USING btree (metric_type);

ALTER INDEX public.audit_log_pkey ATTACH PARTITION public.audit_log_default_pkey;

ALTER INDEX public.metric_points_pkey ATTACH PARTITION public.metric_points_default_pkey;

CREATE TRIGGER insight_feedback_stats AFTER INSERT OR DELETE OR UPDATE ON public.insight_feedback FOR EACH ROW EXECUTE FUNCTION public.insight_stats_maintain();

CREATE TRIGGER metric_points_late AFTER INSERT ON public.metric_points REFERENCING NEW TABLE AS recorded FOR EACH STATEMENT EXECUTE FUNCTION public.metric_points_note_late();

CREATE TRIGGER metric_rollups_folded BEFORE INSERT OR UPDATE ON public.metric_rollups FOR EACH ROW EXECUTE FUNCTION public.metric_rollups_ignore();

CREATE TRIGGER system_metrics_insert INSTEAD OF INSERT ON public.system_metrics FOR EACH ROW EXECUTE FUNCTION public.system_metrics_insert();

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_successor_fkey FOREIGN KEY (successor) REFERENCES public.api_keys(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.backup_verifications
    ADD CONSTRAINT backup_verifications_backup_run_fkey FOREIGN KEY (backup_run) REFERENCES public.backup_runs(id);

ALTER TABLE public.idempotency_keys ENABLE ROW LEVEL SECURITY;

CREATE POLICY noted_by_its_function ON public.schedule_successes USING (pg_has_role(SESSION_USER, (
CASE
    WHEN ((schedule)::text = 'publish-metrics'::text) THEN 'utxoiq_database'::text
    WHEN ((schedule)::text = 'sketch-metrics'::text) THEN 'utxoiq_metrics'::text
    WHEN ((schedule)::text = ANY ((ARRAY['partitions'::character varying, 'retention'::character varying])::text[])) THEN 'utxoiq_retention'::text
    WHEN ((schedule)::text = ANY ((ARRAY['backup'::character varying, 'export'::character varying, 'watch-backups'::character varying, 'verify-backup'::character varying, 'continue-verification'::character varying])::text[])) THEN 'utxoiq_backup'::text
    ELSE NULL::text
END)::name, 'MEMBER'::text)) WITH CHECK (((succeeded_at <= now()) AND pg_has_role(SESSION_USER, (
CASE
    WHEN ((schedule)::text = 'publish-metrics'::text) THEN 'utxoiq_database'::text
    WHEN ((schedule)::text = 'sketch-metrics'::text) THEN 'utxoiq_metrics'::text
    WHEN ((schedule)::text = ANY ((ARRAY['partitions'::character varying, 'retention'::character varying])::text[])) THEN 'utxoiq_retention'::text
    WHEN ((schedule)::text = ANY ((ARRAY['backup'::character varying, 'export'::character varying, 'watch-backups'::character varying, 'verify-backup'::character varying, 'continue-verification'::character varying])::text[])) THEN 'utxoiq_backup'::text
    ELSE NULL::text
END)::name, 'MEMBER'::text)));

CREATE POLICY own_keys ON public.idempotency_keys USING (((owner = SESSION_USER) OR (owner IS NULL))) WITH CHECK ((owner = SESSION_USER));

CREATE POLICY read_by_all ON public.schedule_successes FOR SELECT USING (true);

ALTER TABLE public.schedule_successes ENABLE ROW LEVEL SECURITY;

GRANT USAGE ON SCHEMA moving TO utxoiq_import;

GRANT SELECT,INSERT ON TABLE public.api_keys TO utxoiq_keys;

GRANT UPDATE(expires_at) ON TABLE public.api_keys TO utxoiq_keys;

GRANT UPDATE(revoked_at) ON TABLE public.api_keys TO utxoiq_keys;

GRANT UPDATE(successor) ON TABLE public.api_keys TO utxoiq_keys;

REVOKE ALL ON FUNCTION public.api_key_as_json(key public.api_keys) FROM PUBLIC;
GRANT ALL ON FUNCTION public.api_key_as_json(key public.api_keys) TO utxoiq_keys;

REVOKE ALL ON FUNCTION public.api_key_check(shown bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION public.api_key_check(shown bytea) TO utxoiq_backfill;
GRANT ALL ON FUNCTION public.api_key_check(shown bytea) TO utxoiq_feedback;
GRANT ALL ON FUNCTION public.api_key_check(shown bytea) TO utxoiq_metrics;
GRANT ALL ON FUNCTION public.api_key_check(shown bytea) TO utxoiq_database;
GRANT ALL ON FUNCTION public.api_key_check(shown bytea) TO utxoiq_retention;
GRANT ALL ON FUNCTION public.api_key_check(shown bytea) TO utxoiq_keys;
GRANT ALL ON FUNCTION public.api_key_check(shown bytea) TO utxoiq_backup;

REVOKE ALL ON FUNCTION public.api_key_status(key public.api_keys) FROM PUBLIC;
GRANT ALL ON FUNCTION public.api_key_status(key public.api_keys) TO utxoiq_keys;

REVOKE ALL ON FUNCTION public.archived_insight_stats_apply(insight text, rating smallint, comment text, flag text, step integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.audit_log_drop_before(expires timestamp with time zone, OUT dropped text[], OUT deleted bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.audit_log_drop_before(expires timestamp with time zone, OUT dropped text[], OUT deleted bigint) TO utxoiq_retention;

REVOKE ALL ON FUNCTION public.audit_log_ensure_ahead() FROM PUBLIC;
GRANT ALL ON FUNCTION public.audit_log_ensure_ahead() TO utxoiq_retention;

REVOKE ALL ON FUNCTION public.backup_count(query text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.backup_count(query text) TO utxoiq_backup;

REVOKE ALL ON FUNCTION public.insight_stats_apply(insight text, rating smallint, comment text, flag text, step integer) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.insight_stats_maintain() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.metric_points_close() FROM PUBLIC;
GRANT ALL ON FUNCTION public.metric_points_close() TO utxoiq_metrics;
GRANT ALL ON FUNCTION public.metric_points_close() TO utxoiq_retention;

REVOKE ALL ON FUNCTION public.metric_points_fold(OUT until timestamp with time zone, OUT more boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION public.metric_points_fold(OUT until timestamp with time zone, OUT more boolean) TO utxoiq_metrics;
GRANT ALL ON FUNCTION public.metric_points_fold(OUT until timestamp with time zone, OUT more boolean) TO utxoiq_retention;

REVOKE ALL ON FUNCTION public.metric_points_note_late() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.metric_rollups_ignore() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.metric_series_ids(services character varying[], types character varying[], units character varying[], most bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.metric_series_ids(services character varying[], types character varying[], units character varying[], most bigint) TO utxoiq_metrics;
GRANT ALL ON FUNCTION public.metric_series_ids(services character varying[], types character varying[], units character varying[], most bigint) TO utxoiq_database;
GRANT ALL ON FUNCTION public.metric_series_ids(services character varying[], types character varying[], units character varying[], most bigint) TO utxoiq_backup;
GRANT ALL ON FUNCTION public.metric_series_ids(services character varying[], types character varying[], units character varying[], most bigint) TO utxoiq_retention;
GRANT ALL ON FUNCTION public.metric_series_ids(services character varying[], types character varying[], units character varying[], most bigint) TO utxoiq_import;

REVOKE ALL ON FUNCTION public.metric_sketch_key(value double precision) FROM PUBLIC;
GRANT ALL ON FUNCTION public.metric_sketch_key(value double precision) TO utxoiq_metrics;
GRANT ALL ON FUNCTION public.metric_sketch_key(value double precision) TO utxoiq_retention;

REVOKE ALL ON FUNCTION public.metric_sketch_value(key integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.metric_sketch_value(key integer) TO utxoiq_metrics;

REVOKE ALL ON FUNCTION public.person_archive(held_user character varying) FROM PUBLIC;
GRANT ALL ON FUNCTION public.person_archive(held_user character varying) TO utxoiq_feedback;

REVOKE ALL ON FUNCTION public.person_audit(held_user character varying, after_at timestamp with time zone, after_id bigint, most bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.person_audit(held_user character varying, after_at timestamp with time zone, after_id bigint, most bigint) TO utxoiq_feedback;

REVOKE ALL ON FUNCTION public.person_erase(erased character varying, asked_by character varying, asked_key character varying, asked_from character varying, asked_in character varying, OUT feedback bigint, OUT archived_days bigint, OUT audit_entries bigint, OUT objects_in_clear bigint, OUT insights character varying[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.person_erase(erased character varying, asked_by character varying, asked_key character varying, asked_from character varying, asked_in character varying, OUT feedback bigint, OUT archived_days bigint, OUT audit_entries bigint, OUT objects_in_clear bigint, OUT insights character varying[]) TO utxoiq_feedback;

REVOKE ALL ON FUNCTION public.person_keys_ensure(user_ids character varying[], archive_day date, source character varying) FROM PUBLIC;
GRANT ALL ON FUNCTION public.person_keys_ensure(user_ids character varying[], archive_day date, source character varying) TO utxoiq_retention;

REVOKE ALL ON FUNCTION public.person_keys_find(persons uuid[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.person_keys_find(persons uuid[]) TO utxoiq_retention;

REVOKE ALL ON FUNCTION public.person_keys_forget() FROM PUBLIC;
GRANT ALL ON FUNCTION public.person_keys_forget() TO utxoiq_retention;

REVOKE ALL ON FUNCTION public.server_activity() FROM PUBLIC;
GRANT ALL ON FUNCTION public.server_activity() TO utxoiq_database;

REVOKE ALL ON FUNCTION public.server_statements(most integer) FROM PUBLIC;
GRANT ALL ON FUNCTION public.server_statements(most integer) TO utxoiq_database;

REVOKE ALL ON FUNCTION public.system_metrics_detach_month(month date) FROM PUBLIC;
GRANT ALL ON FUNCTION public.system_metrics_detach_month(month date) TO utxoiq_retention;

REVOKE ALL ON FUNCTION public.system_metrics_drop_month(month date, OUT dropped bigint, OUT returned bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.system_metrics_drop_month(month date, OUT dropped bigint, OUT returned bigint) TO utxoiq_retention;

REVOKE ALL ON FUNCTION public.system_metrics_drop_month(month date, unchanged_since xid8, OUT dropped bigint, OUT returned bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.system_metrics_drop_month(month date, unchanged_since xid8, OUT dropped bigint, OUT returned bigint) TO utxoiq_retention;

REVOKE ALL ON FUNCTION public.system_metrics_ensure_ahead() FROM PUBLIC;
GRANT ALL ON FUNCTION public.system_metrics_ensure_ahead() TO utxoiq_retention;
GRANT ALL ON FUNCTION public.system_metrics_ensure_ahead() TO utxoiq_metrics;
GRANT ALL ON FUNCTION public.system_metrics_ensure_ahead() TO utxoiq_database;
GRANT ALL ON FUNCTION public.system_metrics_ensure_ahead() TO utxoiq_backup;

REVOKE ALL ON FUNCTION public.system_metrics_ensure_month(moment timestamp with time zone) FROM PUBLIC;
GRANT ALL ON FUNCTION public.system_metrics_ensure_month(moment timestamp with time zone) TO utxoiq_retention;
GRANT ALL ON FUNCTION public.system_metrics_ensure_month(moment timestamp with time zone) TO utxoiq_import;

REVOKE ALL ON FUNCTION public.system_metrics_insert() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.system_metrics_lock() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.system_metrics_month_name(month date) FROM PUBLIC;

REVOKE ALL ON PROCEDURE public.system_metrics_narrow() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.system_metrics_prepare_month(month date) FROM PUBLIC;
GRANT ALL ON FUNCTION public.system_metrics_prepare_month(month date) TO utxoiq_retention;

REVOKE ALL ON PROCEDURE public.system_metrics_widen() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.utxoiq_add_member(group_role text, member text) FROM PUBLIC;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE moving.imported TO utxoiq_import;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE moving.progress TO utxoiq_import;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE moving.report TO utxoiq_import;

GRANT SELECT ON TABLE public.alembic_version TO utxoiq_backup;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.archive_objects TO utxoiq_retention;
GRANT SELECT ON TABLE public.archive_objects TO utxoiq_backup;

GRANT SELECT(table_name) ON TABLE public.archive_objects TO utxoiq_metrics;

GRANT SELECT(state) ON TABLE public.archive_objects TO utxoiq_metrics;

GRANT SELECT(row_count) ON TABLE public.archive_objects TO utxoiq_metrics;

GRANT SELECT(first_at) ON TABLE public.archive_objects TO utxoiq_metrics;

GRANT SELECT(last_at) ON TABLE public.archive_objects TO utxoiq_metrics;

GRANT SELECT ON TABLE public.archived_insight_stats TO utxoiq_feedback;
GRANT SELECT ON TABLE public.archived_insight_stats TO utxoiq_backup;

GRANT SELECT ON TABLE public.audit_log TO utxoiq_keys;

GRANT INSERT(actor) ON TABLE public.audit_log TO utxoiq_backfill;
GRANT INSERT(actor) ON TABLE public.audit_log TO utxoiq_feedback;
GRANT INSERT(actor) ON TABLE public.audit_log TO utxoiq_metrics;
GRANT INSERT(actor) ON TABLE public.audit_log TO utxoiq_database;
GRANT INSERT(actor) ON TABLE public.audit_log TO utxoiq_retention;
GRANT INSERT(actor) ON TABLE public.audit_log TO utxoiq_keys;
GRANT INSERT(actor) ON TABLE public.audit_log TO utxoiq_backup;
GRANT INSERT(actor) ON TABLE public.audit_log TO utxoiq_import;

GRANT INSERT(key_id) ON TABLE public.audit_log TO utxoiq_backfill;
GRANT INSERT(key_id) ON TABLE public.audit_log TO utxoiq_feedback;
GRANT INSERT(key_id) ON TABLE public.audit_log TO utxoiq_metrics;
GRANT INSERT(key_id) ON TABLE public.audit_log TO utxoiq_database;
GRANT INSERT(key_id) ON TABLE public.audit_log TO utxoiq_retention;
GRANT INSERT(key_id) ON TABLE public.audit_log TO utxoiq_keys;
GRANT INSERT(key_id) ON TABLE public.audit_log TO utxoiq_backup;
GRANT INSERT(key_id) ON TABLE public.audit_log TO utxoiq_import;

GRANT INSERT(action) ON TABLE public.audit_log TO utxoiq_backfill;
GRANT INSERT(action) ON TABLE public.audit_log TO utxoiq_feedback;
GRANT INSERT(action) ON TABLE public.audit_log TO utxoiq_metrics;
GRANT INSERT(action) ON TABLE public.audit_log TO utxoiq_database;
GRANT INSERT(action) ON TABLE public.audit_log TO utxoiq_retention;
GRANT INSERT(action) ON TABLE public.audit_log TO utxoiq_keys;
GRANT INSERT(action) ON TABLE public.audit_log TO utxoiq_backup;
GRANT INSERT(action) ON TABLE public.audit_log TO utxoiq_import;

GRANT INSERT(subject) ON TABLE public.audit_log TO utxoiq_backfill;
GRANT INSERT(subject) ON TABLE public.audit_log TO utxoiq_feedback;
GRANT INSERT(subject) ON TABLE public.audit_log TO utxoiq_metrics;
GRANT INSERT(subject) ON TABLE public.audit_log TO utxoiq_database;
GRANT INSERT(subject) ON TABLE public.audit_log TO utxoiq_retention;
GRANT INSERT(subject) ON TABLE public.audit_log TO utxoiq_keys;
GRANT INSERT(subject) ON TABLE public.audit_log TO utxoiq_backup;
GRANT INSERT(subject) ON TABLE public.audit_log TO utxoiq_import;

GRANT INSERT(details) ON TABLE public.audit_log TO utxoiq_backfill;
GRANT INSERT(details) ON TABLE public.audit_log TO utxoiq_feedback;
GRANT INSERT(details) ON TABLE public.audit_log TO utxoiq_metrics;
GRANT INSERT(details) ON TABLE public.audit_log TO utxoiq_database;
GRANT INSERT(details) ON TABLE public.audit_log TO utxoiq_retention;
GRANT INSERT(details) ON TABLE public.audit_log TO utxoiq_keys;
GRANT INSERT(details) ON TABLE public.audit_log TO utxoiq_backup;
GRANT INSERT(details) ON TABLE public.audit_log TO utxoiq_import;

GRANT INSERT(address) ON TABLE public.audit_log TO utxoiq_backfill;
GRANT INSERT(address) ON TABLE public.audit_log TO utxoiq_feedback;
GRANT INSERT(address) ON TABLE public.audit_log TO utxoiq_metrics;
GRANT INSERT(address) ON TABLE public.audit_log TO utxoiq_database;
GRANT INSERT(address) ON TABLE public.audit_log TO utxoiq_retention;
GRANT INSERT(address) ON TABLE public.audit_log TO utxoiq_keys;
GRANT INSERT(address) ON TABLE public.audit_log TO utxoiq_backup;
GRANT INSERT(address) ON TABLE public.audit_log TO utxoiq_import;

GRANT INSERT(request_id) ON TABLE public.audit_log TO utxoiq_backfill;
GRANT INSERT(request_id) ON TABLE public.audit_log TO utxoiq_feedback;
GRANT INSERT(request_id) ON TABLE public.audit_log TO utxoiq_metrics;
GRANT INSERT(request_id) ON TABLE public.audit_log TO utxoiq_database;
GRANT INSERT(request_id) ON TABLE public.audit_log TO utxoiq_retention;
GRANT INSERT(request_id) ON TABLE public.audit_log TO utxoiq_keys;
GRANT INSERT(request_id) ON TABLE public.audit_log TO utxoiq_backup;
GRANT INSERT(request_id) ON TABLE public.audit_log TO utxoiq_import;

GRANT SELECT,INSERT,UPDATE ON TABLE public.backfill_jobs TO utxoiq_backfill;
GRANT SELECT,INSERT,DELETE ON TABLE public.backfill_jobs TO utxoiq_retention;
GRANT SELECT ON TABLE public.backfill_jobs TO utxoiq_backup;
GRANT SELECT,INSERT,UPDATE ON TABLE public.backfill_jobs TO utxoiq_import;

GRANT SELECT,INSERT,UPDATE ON TABLE public.backup_runs TO utxoiq_backup;

GRANT SELECT,INSERT,UPDATE ON TABLE public.backup_verifications TO utxoiq_backup;

GRANT SELECT,DELETE ON TABLE public.idempotency_keys TO utxoiq_backfill;
GRANT SELECT,DELETE ON TABLE public.idempotency_keys TO utxoiq_metrics;
GRANT SELECT,DELETE ON TABLE public.idempotency_keys TO utxoiq_backup;
GRANT SELECT,DELETE ON TABLE public.idempotency_keys TO utxoiq_database;

GRANT INSERT(caller) ON TABLE public.idempotency_keys TO utxoiq_backfill;
GRANT INSERT(caller) ON TABLE public.idempotency_keys TO utxoiq_metrics;
GRANT INSERT(caller) ON TABLE public.idempotency_keys TO utxoiq_backup;
GRANT INSERT(caller) ON TABLE public.idempotency_keys TO utxoiq_database;

GRANT INSERT(key) ON TABLE public.idempotency_keys TO utxoiq_backfill;
GRANT INSERT(key) ON TABLE public.idempotency_keys TO utxoiq_metrics;
GRANT INSERT(key) ON TABLE public.idempotency_keys TO utxoiq_backup;
GRANT INSERT(key) ON TABLE public.idempotency_keys TO utxoiq_database;

GRANT INSERT(request_hash),UPDATE(request_hash) ON TABLE public.idempotency_keys TO utxoiq_backfill;
GRANT INSERT(request_hash),UPDATE(request_hash) ON TABLE public.idempotency_keys TO utxoiq_metrics;
GRANT INSERT(request_hash),UPDATE(request_hash) ON TABLE public.idempotency_keys TO utxoiq_backup;
GRANT INSERT(request_hash),UPDATE(request_hash) ON TABLE public.idempotency_keys TO utxoiq_database;

GRANT UPDATE(answer) ON TABLE public.idempotency_keys TO utxoiq_backfill;
GRANT UPDATE(answer) ON TABLE public.idempotency_keys TO utxoiq_metrics;
GRANT UPDATE(answer) ON TABLE public.idempotency_keys TO utxoiq_backup;
GRANT UPDATE(answer) ON TABLE public.idempotency_keys TO utxoiq_database;

GRANT INSERT(expires_at),UPDATE(expires_at) ON TABLE public.idempotency_keys TO utxoiq_backfill;
GRANT INSERT(expires_at),UPDATE(expires_at) ON TABLE public.idempotency_keys TO utxoiq_metrics;
GRANT INSERT(expires_at),UPDATE(expires_at) ON TABLE public.idempotency_keys TO utxoiq_backup;
GRANT INSERT(expires_at),UPDATE(expires_at) ON TABLE public.idempotency_keys TO utxoiq_database;

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.insight_feedback TO utxoiq_feedback;
GRANT SELECT,INSERT,DELETE ON TABLE public.insight_feedback TO utxoiq_retention;
GRANT SELECT ON TABLE public.insight_feedback TO utxoiq_backup;
GRANT SELECT,INSERT,UPDATE ON TABLE public.insight_feedback TO utxoiq_import;

GRANT SELECT ON TABLE public.insight_stats TO utxoiq_feedback;
GRANT SELECT ON TABLE public.insight_stats TO utxoiq_backup;

GRANT SELECT,INSERT,UPDATE ON TABLE public.metric_rollups TO utxoiq_metrics;
GRANT SELECT,INSERT,UPDATE ON TABLE public.metric_rollups TO utxoiq_database;
GRANT SELECT,INSERT,UPDATE ON TABLE public.metric_rollups TO utxoiq_backup;
GRANT SELECT ON TABLE public.metric_rollups TO utxoiq_retention;

GRANT SELECT ON TABLE public.metric_series TO utxoiq_metrics;
GRANT SELECT ON TABLE public.metric_series TO utxoiq_retention;
GRANT SELECT ON TABLE public.metric_series TO utxoiq_backup;

GRANT SELECT(series) ON TABLE public.metric_series TO utxoiq_database;

GRANT SELECT ON TABLE public.metric_watermark TO utxoiq_metrics;
GRANT SELECT ON TABLE public.metric_watermark TO utxoiq_retention;

GRANT SELECT ON TABLE public.metric_parts TO utxoiq_metrics;
GRANT SELECT ON TABLE public.metric_parts TO utxoiq_retention;

GRANT SELECT,INSERT ON TABLE public.metric_points TO utxoiq_metrics;
GRANT SELECT,INSERT,DELETE ON TABLE public.metric_points TO utxoiq_retention;
GRANT SELECT,INSERT ON TABLE public.metric_points TO utxoiq_backup;
GRANT INSERT ON TABLE public.metric_points TO utxoiq_database;
GRANT SELECT,INSERT ON TABLE public.metric_points TO utxoiq_import;

GRANT SELECT ON TABLE public.metric_points_default TO utxoiq_retention;

GRANT SELECT,INSERT,UPDATE ON TABLE public.metric_sketches TO utxoiq_metrics;
GRANT SELECT,INSERT,UPDATE ON TABLE public.metric_sketches TO utxoiq_retention;
GRANT SELECT ON TABLE public.metric_sketches TO utxoiq_backup;

GRANT SELECT,INSERT,UPDATE ON TABLE public.metric_slices TO utxoiq_metrics;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.metric_slices TO utxoiq_retention;
GRANT SELECT ON TABLE public.metric_slices TO utxoiq_backup;

GRANT SELECT,DELETE ON TABLE public.pending_erasures TO utxoiq_retention;

GRANT SELECT,INSERT,UPDATE ON TABLE public.retention_runs TO utxoiq_retention;
GRANT SELECT ON TABLE public.retention_runs TO utxoiq_database;

GRANT SELECT,INSERT,UPDATE ON TABLE public.schedule_successes TO utxoiq_database;
GRANT SELECT,INSERT,UPDATE ON TABLE public.schedule_successes TO utxoiq_metrics;
GRANT SELECT,INSERT,UPDATE ON TABLE public.schedule_successes TO utxoiq_retention;
GRANT SELECT,INSERT,UPDATE ON TABLE public.schedule_successes TO utxoiq_backup;

GRANT SELECT,INSERT ON TABLE public.system_metrics TO utxoiq_metrics;
GRANT SELECT,INSERT ON TABLE public.system_metrics TO utxoiq_backup;
GRANT SELECT ON TABLE public.system_metrics TO utxoiq_import;
GRANT SELECT ON TABLE public.system_metrics TO utxoiq_retention;
GRANT INSERT ON TABLE public.system_metrics TO utxoiq_database;
