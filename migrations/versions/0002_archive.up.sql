-- The archive's ledger, the months of system_metrics that come and go, and statistics that outlive archived feedback.

-- Every object of the archive that was ever begun. Its states, in their order:
--   writing    on its way to the bucket; left behind by a run that died, it is abandoned
--   abandoned  not part of the archive: removed from the bucket, and forgotten after a day
--   archived   read back and verified; its rows are still in their table as well
--   removed    the rows are in the archive only
CREATE TABLE archive_objects (
    name        varchar(200) PRIMARY KEY,
    table_name  varchar(63) NOT NULL CHECK (table_name IN ('backfill_jobs', 'insight_feedback', 'system_metrics')),
    day         date NOT NULL,
    state       varchar(10) NOT NULL DEFAULT 'writing' CHECK (state IN ('writing', 'abandoned', 'archived', 'removed')),
    row_count   bigint NOT NULL CHECK (row_count > 0),
    row_hash    bigint,  -- of metrics: the XOR of their rows' hashes, by which a month is known to be unchanged
    first_at    timestamptz NOT NULL,
    last_at     timestamptz NOT NULL,
    bytes       bigint,
    sha256      bytea CHECK (octet_length(sha256) = 32),
    generation  bigint,
    keep_until  timestamptz,  -- restored rows stay in their table until then
    begun_at    timestamptz NOT NULL DEFAULT now(),
    archived_at timestamptz,
    ended_at    timestamptz,  -- when it was abandoned, or its rows removed
    CHECK (state IN ('writing', 'abandoned')
        OR (bytes IS NOT NULL AND sha256 IS NOT NULL AND generation IS NOT NULL AND archived_at IS NOT NULL))
);
CREATE INDEX archive_objects_day ON archive_objects (table_name, day);
CREATE INDEX archive_objects_unfinished ON archive_objects (table_name, state, day) WHERE state <> 'removed';

-- What each run of retention did. A run without an end was killed.
CREATE TABLE retention_runs (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    caller     varchar(200) NOT NULL,
    dry_run    boolean NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at   timestamptz,
    status     varchar(10) CHECK (status IN ('success', 'partial', 'failed')),
    results    jsonb
);

-- Finds expired feedback. Unlike a B-tree it lets updates stay on their page (HOT, PostgreSQL 16 and newer).
CREATE INDEX insight_feedback_updated ON insight_feedback USING brin (updated_at) WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX backfill_jobs_ended ON backfill_jobs (coalesce(completed_at, started_at)) WHERE status IN ('completed', 'failed');

-- The part of insight_stats whose feedback is in the archive.
CREATE TABLE archived_insight_stats (LIKE insight_stats INCLUDING ALL);

CREATE FUNCTION archived_insight_stats_apply(
    insight text, rating smallint, comment text, flag text, step integer
) RETURNS void LANGUAGE sql AS $$
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

-- Feedback that moves to the archive, or back, does not change what an insight's statistics say.
CREATE OR REPLACE FUNCTION insight_stats_maintain() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP <> 'UPDATE' AND current_setting('utxoiq.archiving', true) = 'on' THEN
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

-- Makes this month's partition and those of the three months after it; the months that were made now.
CREATE FUNCTION system_metrics_ensure_ahead() RETURNS SETOF date LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
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

CREATE FUNCTION system_metrics_month_name(month date) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT 'system_metrics_' || to_char(month, 'YYYY_MM')
$$;

-- Takes a month that has passed out of the table, so that nothing changes it any more; what comes for it later goes to
-- the default partition. It holds the whole table, for no longer than it takes to note that, and gives up after 2 s.
CREATE FUNCTION system_metrics_detach_month(month date) RETURNS void LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
BEGIN
    IF (month + interval '1 month') AT TIME ZONE 'UTC' > now() THEN
        RAISE EXCEPTION 'the month % has not passed', to_char(month, 'YYYY-MM');
    END IF;
    EXECUTE format('ALTER TABLE system_metrics DETACH PARTITION %I', system_metrics_month_name(month));
END
$$;

-- Drops a detached month. Days whose rows are not exactly those that are archived go back to the table, into its default
-- partition. Returns how many rows were dropped, and how many went back.
CREATE FUNCTION system_metrics_drop_month(month date, OUT dropped bigint, OUT returned bigint) LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    part text := system_metrics_month_name(month);
    next_month date := month + interval '1 month';
    is_archived boolean;
    changed date[] := '{}';
BEGIN
    IF EXISTS (SELECT FROM pg_inherits WHERE inhrelid = part::regclass) THEN
        RAISE EXCEPTION '% is not detached', part;
    END IF;
    EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', part);
    returned := 0;
    -- All of it at once first, which takes a third of the time.
    EXECUTE format($q$
        SELECT present.row_count, (present.row_count, present.row_hash)
               IS NOT DISTINCT FROM (coalesce(archived.row_count, 0), archived.row_hash)
        FROM (
            SELECT count(*) AS row_count, bit_xor(hash_record_extended(
                ROW(id, service_name, metric_type, metric_value, unit, "timestamp", metric_metadata), 0)) AS row_hash
            FROM %I
        ) AS present, (
            SELECT sum(row_count) AS row_count, bit_xor(row_hash) AS row_hash FROM archive_objects
            WHERE table_name = 'system_metrics' AND state = 'archived' AND day >= $1 AND day < $2
        ) AS archived $q$, part) INTO dropped, is_archived USING month, next_month;
    IF NOT is_archived THEN
        EXECUTE format($q$
            WITH present AS (
                SELECT ("timestamp" AT TIME ZONE 'UTC')::date AS day, count(*) AS row_count, bit_xor(hash_record_extended(
                    ROW(id, service_name, metric_type, metric_value, unit, "timestamp", metric_metadata), 0)) AS row_hash
                FROM %I GROUP BY 1
            ), archived AS (
                SELECT day, sum(row_count) AS row_count, bit_xor(row_hash) AS row_hash FROM archive_objects
                WHERE table_name = 'system_metrics' AND state = 'archived' AND day >= $1 AND day < $2 GROUP BY 1
            )
            SELECT coalesce(array_agg(day) FILTER (WHERE (present.row_count, present.row_hash)
                       IS DISTINCT FROM (archived.row_count, archived.row_hash)), '{}')
            FROM present FULL JOIN archived USING (day) $q$, part) INTO changed USING month, next_month;
        EXECUTE format($q$
            INSERT INTO system_metrics
            SELECT id, service_name, metric_type, metric_value, unit, "timestamp", metric_metadata
            FROM %I WHERE ("timestamp" AT TIME ZONE 'UTC')::date = ANY ($1) $q$, part) USING changed;
        GET DIAGNOSTICS returned = ROW_COUNT;
        dropped := dropped - returned;
    END IF;
    UPDATE archive_objects SET state = 'removed', ended_at = now(), keep_until = NULL
    WHERE table_name = 'system_metrics' AND state = 'archived'
      AND day >= month AND day < next_month AND day <> ALL (changed);
    EXECUTE format('DROP TABLE %I', part);
END
$$;

DO $$
BEGIN
    CREATE ROLE utxoiq_retention NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    RAISE NOTICE 'the role utxoiq_retention is there already';
END
$$;

REVOKE ALL ON archive_objects, retention_runs, archived_insight_stats FROM PUBLIC;
REVOKE ALL ON FUNCTION
    archived_insight_stats_apply(text, smallint, text, text, integer),
    system_metrics_ensure_ahead(),
    system_metrics_month_name(date),
    system_metrics_detach_month(date),
    system_metrics_drop_month(date)
    FROM PUBLIC;

GRANT SELECT, INSERT, DELETE ON backfill_jobs, insight_feedback, system_metrics TO utxoiq_retention;
GRANT SELECT ON system_metrics_default TO utxoiq_retention;
GRANT SELECT, INSERT, UPDATE, DELETE ON archive_objects TO utxoiq_retention;
GRANT SELECT, INSERT, UPDATE ON retention_runs TO utxoiq_retention;
GRANT SELECT ON archived_insight_stats TO utxoiq_feedback;
GRANT EXECUTE ON FUNCTION
    system_metrics_ensure_month(timestamptz),
    system_metrics_detach_month(date),
    system_metrics_drop_month(date)
    TO utxoiq_retention;
GRANT EXECUTE ON FUNCTION system_metrics_ensure_ahead() TO utxoiq_retention, utxoiq_metrics, utxoiq_database;
