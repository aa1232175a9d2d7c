-- The three tables of the contract, what is derived from them, the answers kept for repeated requests,
-- and a role for each function with the rights that it needs.

CREATE TABLE backfill_jobs (
    id                   uuid PRIMARY KEY,
    job_type             varchar(50) NOT NULL CHECK (job_type <> ''),
    start_block          bigint NOT NULL CHECK (start_block >= 0),
    end_block            bigint NOT NULL,
    current_block        bigint NOT NULL,
    status               varchar(20) NOT NULL DEFAULT 'running'
                         CHECK (status IN ('running', 'paused', 'completed', 'failed')),
    progress_percentage  double precision NOT NULL DEFAULT 0
                         CHECK (progress_percentage BETWEEN 0 AND 100),
    estimated_completion timestamptz,
    error_message        varchar(2000),
    started_at           timestamptz NOT NULL DEFAULT now(),
    completed_at         timestamptz,
    created_by           varchar(100),
    version              integer NOT NULL DEFAULT 1,
    CONSTRAINT backfill_jobs_block_order CHECK (start_block <= current_block AND current_block <= end_block),
    CONSTRAINT backfill_jobs_completion CHECK (status <> 'completed' OR completed_at IS NOT NULL)
);
CREATE INDEX backfill_jobs_newest ON backfill_jobs (started_at DESC, id DESC);
CREATE INDEX backfill_jobs_status_newest ON backfill_jobs (status, started_at DESC, id DESC);
CREATE INDEX backfill_jobs_type_newest ON backfill_jobs (job_type, started_at DESC, id DESC);

CREATE TABLE insight_feedback (
    id          uuid PRIMARY KEY,
    insight_id  varchar(100) NOT NULL CHECK (insight_id <> ''),
    user_id     varchar(100) NOT NULL CHECK (user_id <> ''),
    rating      smallint CHECK (rating BETWEEN 1 AND 5),
    comment     varchar(1000) CHECK (comment <> ''),
    flag_type   varchar(20) CHECK (flag_type IN ('inaccurate', 'misleading', 'spam')),
    flag_reason varchar(500),
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (insight_id, user_id)
);
-- Pages of comments and of one user's feedback walk these; the partial one holds comments only.
CREATE INDEX insight_feedback_comments ON insight_feedback (insight_id, created_at DESC, id DESC)
    WHERE comment IS NOT NULL;
CREATE INDEX insight_feedback_user ON insight_feedback (user_id, created_at DESC, id DESC);

-- One row an insight, kept by the trigger below in the transaction that changes the feedback,
-- so that reading statistics costs the same however many ratings are behind them.
CREATE TABLE insight_stats (
    insight_id       varchar(100) PRIMARY KEY,
    rating_1         bigint NOT NULL DEFAULT 0,
    rating_2         bigint NOT NULL DEFAULT 0,
    rating_3         bigint NOT NULL DEFAULT 0,
    rating_4         bigint NOT NULL DEFAULT 0,
    rating_5         bigint NOT NULL DEFAULT 0,
    comments         bigint NOT NULL DEFAULT 0,
    flags_inaccurate bigint NOT NULL DEFAULT 0,
    flags_misleading bigint NOT NULL DEFAULT 0,
    flags_spam       bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);  -- updates stay on their page (HOT)

CREATE FUNCTION insight_stats_apply(
    insight text, rating smallint, comment text, flag text, step integer
) RETURNS void LANGUAGE sql AS $$
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

-- SECURITY DEFINER: who may write feedback need not be able to write its statistics by hand.
CREATE FUNCTION insight_stats_maintain() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
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
CREATE TRIGGER insight_feedback_stats AFTER INSERT OR UPDATE OR DELETE ON insight_feedback
    FOR EACH ROW EXECUTE FUNCTION insight_stats_maintain();

CREATE TABLE system_metrics (
    id              uuid NOT NULL,
    service_name    varchar(100) NOT NULL CHECK (service_name <> ''),
    metric_type     varchar(50) NOT NULL CHECK (metric_type <> ''),
    metric_value    double precision NOT NULL
                    CHECK (metric_value > '-Infinity' AND metric_value < 'Infinity'),
    unit            varchar(20) NOT NULL,
    "timestamp"     timestamptz NOT NULL DEFAULT now(),
    metric_metadata jsonb,
    PRIMARY KEY ("timestamp", id)
) PARTITION BY RANGE ("timestamp");
-- One for each way to filter: a page costs what it shows, however rare what it asks for.
CREATE INDEX system_metrics_series ON system_metrics (service_name, metric_type, "timestamp" DESC, id DESC);
CREATE INDEX system_metrics_service ON system_metrics (service_name, "timestamp" DESC, id DESC);
CREATE INDEX system_metrics_type ON system_metrics (metric_type, "timestamp" DESC, id DESC);

-- A row outside every month lands here: never lost, never refused.
CREATE TABLE system_metrics_default PARTITION OF system_metrics DEFAULT;

-- Makes the partition of the month that holds `moment` (UTC); true if it was made now. Rows of that month which came
-- before it are moved into it. The default partition is locked meanwhile, for little longer than there are such rows.
CREATE FUNCTION system_metrics_ensure_month(moment timestamptz) RETURNS boolean LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
    month timestamp := date_trunc('month', moment AT TIME ZONE 'UTC');
    starts timestamptz := month AT TIME ZONE 'UTC';
    ends timestamptz := (month + interval '1 month') AT TIME ZONE 'UTC';
    partition_name text := 'system_metrics_' || to_char(month, 'YYYY_MM');
BEGIN
    IF to_regclass(partition_name) IS NOT NULL THEN
        RETURN false;
    END IF;
    PERFORM pg_advisory_xact_lock('system_metrics'::regclass::oid::bigint);
    -- Not to_regclass, which may not have heard yet of a table that was made during the wait.
    IF EXISTS (SELECT FROM pg_class WHERE relname = partition_name AND relnamespace = 'public'::regnamespace) THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE system_metrics INCLUDING ALL)', partition_name);
    LOCK TABLE system_metrics_default IN ACCESS EXCLUSIVE MODE;
    EXECUTE format(
        'WITH moved AS (DELETE FROM system_metrics_default WHERE "timestamp" >= %L AND "timestamp" < %L RETURNING *)'
        ' INSERT INTO %I SELECT * FROM moved', starts, ends, partition_name);
    EXECUTE format('ALTER TABLE system_metrics ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        partition_name, starts, ends);
    RETURN true;
END
$$;
SELECT system_metrics_ensure_month(now() + month * interval '1 month') FROM generate_series(-4, 12) AS month;

-- Kept by the statement that records metrics. Retention leaves it alone: history outlives the rows.
CREATE TABLE metric_rollups (
    service_name varchar(100) NOT NULL,
    metric_type  varchar(50) NOT NULL,
    resolution   varchar(4) NOT NULL CHECK (resolution IN ('hour', 'day')),
    bucket       timestamptz NOT NULL,
    value_count  bigint NOT NULL CHECK (value_count > 0),
    value_sum    double precision NOT NULL,
    value_min    double precision NOT NULL,
    value_max    double precision NOT NULL,
    first_at     timestamptz NOT NULL,  -- with last_at: whether a range takes the whole bucket
    last_at      timestamptz NOT NULL,
    PRIMARY KEY (service_name, metric_type, resolution, bucket)
) WITH (fillfactor = 50);

-- The first answer to a request with an Idempotency-Key, written in the transaction that it answers.
CREATE TABLE idempotency_keys (
    caller       varchar(200) NOT NULL,
    key          varchar(255) NOT NULL,
    request_hash bytea NOT NULL,
    answer       text,
    expires_at   timestamptz NOT NULL,
    PRIMARY KEY (caller, key)
);
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);

-- What a function may do is its group's business; its database user is made a member when the schema is brought up to
-- date. Roles belong to the whole server: another database's migration may have made them, or be making them now.
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['utxoiq_backfill', 'utxoiq_feedback', 'utxoiq_metrics', 'utxoiq_database'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role_name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            RAISE NOTICE 'the role % is there already', role_name;
        END;
    END LOOP;
END
$$;

CREATE FUNCTION utxoiq_add_member(group_role text, member text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('GRANT %I TO %I', group_role, member);
END
$$;

REVOKE ALL ON
    backfill_jobs, insight_feedback, insight_stats, system_metrics, metric_rollups, idempotency_keys FROM PUBLIC;
REVOKE ALL ON FUNCTION
    insight_stats_apply(text, smallint, text, text, integer),
    insight_stats_maintain(),
    system_metrics_ensure_month(timestamptz),
    utxoiq_add_member(text, text)
    FROM PUBLIC;

GRANT SELECT, INSERT, UPDATE ON backfill_jobs TO utxoiq_backfill;
GRANT SELECT, INSERT, UPDATE ON insight_feedback TO utxoiq_feedback;
GRANT SELECT ON insight_stats TO utxoiq_feedback;
GRANT SELECT, INSERT ON system_metrics TO utxoiq_metrics;
GRANT INSERT ON system_metrics TO utxoiq_database;
GRANT SELECT, INSERT, UPDATE ON metric_rollups TO utxoiq_metrics, utxoiq_database;
GRANT EXECUTE ON FUNCTION system_metrics_ensure_month(timestamptz) TO utxoiq_database;
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO utxoiq_backfill, utxoiq_metrics;
