-- Metrics are stored narrow: a dictionary of series, and points of a series with one index. Nothing is written with a
-- point, as a rule; rollups are folded behind a watermark. docs/decisions/0013-narrow-metrics.md has the argument.
-- This version makes the tables and moves no row: system_metrics becomes a view over the rows of both kinds.

-- A series is never changed and never deleted. Numbers are drawn, not counted: after the database has gone back to an
-- earlier moment, one that an instance remembers is nobody else's.
CREATE TABLE metric_series (
    series       bigint PRIMARY KEY,
    service_name varchar(100) NOT NULL CHECK (service_name <> ''),
    metric_type  varchar(50) NOT NULL CHECK (metric_type <> ''),
    unit         varchar(20) NOT NULL,
    UNIQUE (service_name, metric_type, unit)
);
CREATE INDEX metric_series_type ON metric_series (metric_type);

CREATE TABLE metric_points (
    series          bigint NOT NULL,  -- of metric_series; a foreign key would look it up for every point
    "timestamp"     timestamptz NOT NULL,
    id              uuid NOT NULL,
    metric_value    double precision NOT NULL
                    CHECK (metric_value > '-Infinity' AND metric_value < 'Infinity'),
    metric_metadata jsonb,
    PRIMARY KEY (series, "timestamp", id)
) PARTITION BY RANGE ("timestamp");

-- A point outside every month lands here: never lost, never refused.
CREATE TABLE metric_points_default PARTITION OF metric_points DEFAULT;

-- One row. folded: rollups count every point before it, with the deltas; points from there on are read themselves.
-- closing: what is recorded before it is late, and leaves a delta; between the two an hour is being folded.
-- Both are the beginnings of hours.
CREATE TABLE metric_watermark (
    the_one boolean PRIMARY KEY DEFAULT true CHECK (the_one),
    folded  timestamptz NOT NULL,
    closing timestamptz NOT NULL,
    CHECK (folded <= closing)
);
-- Until the last wide row has moved, rollups are kept by the functions of the release before, and nothing is late.
INSERT INTO metric_watermark (folded, closing) VALUES ('-infinity', '-infinity');

-- What late points add to an hour's rollup, until it is folded into it.
CREATE TABLE metric_deltas (
    series      bigint NOT NULL,
    bucket      timestamptz NOT NULL,
    value_count bigint NOT NULL,
    value_sum   double precision NOT NULL,
    value_min   double precision NOT NULL,
    value_max   double precision NOT NULL,
    first_at    timestamptz NOT NULL,
    last_at     timestamptz NOT NULL
);
CREATE INDEX metric_deltas_hour ON metric_deltas (series, bucket);

-- The numbers of these series, in their order, those of new ones too; null for new ones if there would be
-- more than `most`.
CREATE FUNCTION metric_series_ids(
    services varchar[], types varchar[], units varchar[], most bigint
) RETURNS SETOF bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
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

-- Late points leave deltas in the statement that records them. Whoever inserts holds a lock on the table by now, and
-- until its transaction ends; `closing` moves under a lock that excludes it. So what is read of it here, by a snapshot
-- that is newer than the lock, stays true for as long as the points are not committed.
CREATE FUNCTION metric_points_note_late() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'metrics are recorded in transactions that are READ COMMITTED'
            USING ERRCODE = 'feature_not_supported';
    END IF;
    -- Nothing is late, as a rule; to know that costs a quarter of what it costs to add up nothing.
    IF NOT EXISTS (SELECT FROM recorded WHERE "timestamp" < (SELECT closing FROM metric_watermark)) THEN
        RETURN NULL;
    END IF;
    -- Rows that move between tables, or come back from the archive, were counted when they came first.
    IF current_setting('utxoiq.archiving', true) = 'on' THEN
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
CREATE TRIGGER metric_points_late AFTER INSERT ON metric_points
    REFERENCING NEW TABLE AS recorded FOR EACH STATEMENT EXECUTE FUNCTION metric_points_note_late();

-- Closes the next hour that is over for five minutes at least, if the one before is folded. Whoever records waits for
-- the note of that, and it for them, a second at most. True if there is an hour to fold.
CREATE FUNCTION metric_points_close() RETURNS boolean LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '1s' AS $$
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

-- Folds the hour that is closed, and the deltas of hours before it, in one transaction. Returns until where rollups
-- count everything, and whether there is more to fold. One snapshot has points and deltas: a late point of the hour is
-- counted with it, and its delta goes, or neither is seen.
CREATE FUNCTION metric_points_fold(OUT until timestamptz, OUT more boolean) LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
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

-- What hours and days before the watermark hold: rollups, and beside them the deltas that are not folded yet. A reader
-- adds up the rows of a bucket.
CREATE VIEW metric_parts AS
SELECT service_name, metric_type, resolution, bucket, value_count, value_sum, value_min, value_max, first_at, last_at
FROM metric_rollups
WHERE bucket < (SELECT date_trunc(resolution, folded, 'UTC') FROM metric_watermark)
UNION ALL
SELECT service_name, metric_type, resolution, date_trunc(resolution, bucket, 'UTC'), value_count, value_sum, value_min,
       value_max, first_at, last_at
FROM metric_deltas JOIN metric_series USING (series)
CROSS JOIN (VALUES ('hour'::varchar), ('day')) AS resolutions (resolution)
WHERE bucket < (SELECT date_trunc(resolution, folded, 'UTC') FROM metric_watermark);

-- The months of points. Months that a killed run took out of the wide table leave as the version before says.
SELECT system_metrics_drop_month(to_date(right(relname, 7), 'YYYY_MM')) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname ~ '^system_metrics_[0-9]{4}_[0-9]{2}$'
  AND NOT relispartition;

CREATE OR REPLACE FUNCTION system_metrics_month_name(month date) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT 'metric_points_' || to_char(month, 'YYYY_MM')
$$;

CREATE OR REPLACE FUNCTION system_metrics_ensure_month(moment timestamptz) RETURNS boolean LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
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

CREATE OR REPLACE FUNCTION system_metrics_detach_month(month date) RETURNS void LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
BEGIN
    IF (month + interval '1 month') AT TIME ZONE 'UTC' > now() THEN
        RAISE EXCEPTION 'the month % has not passed', to_char(month, 'YYYY-MM');
    END IF;
    EXECUTE format('ALTER TABLE metric_points DETACH PARTITION %I', system_metrics_month_name(month));
END
$$;

-- Days of a month that are not archived as they are go back to the table with all their columns, and are compared by all
-- columns of system_metrics: also by those that a later version of the schema adds.
CREATE OR REPLACE FUNCTION system_metrics_drop_month(month date, OUT dropped bigint, OUT returned bigint) LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
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
$$;

-- Makes the order of time cheap to find in a month that is about to be archived: no writer has paid for it.
CREATE FUNCTION system_metrics_prepare_month(month date) RETURNS void LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    part text := system_metrics_month_name(month);
BEGIN
    EXECUTE format('CREATE INDEX IF NOT EXISTS %I ON %I USING brin ("timestamp") WITH (pages_per_range = 16)',
        part || '_days', part);
    EXECUTE format('SELECT brin_summarize_new_values(%L)', part || '_days');
END
$$;

-- Writers of the release before, and whoever knows the table, insert into the view.
CREATE FUNCTION system_metrics_insert() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO metric_points (series, "timestamp", id, metric_value, metric_metadata)
    SELECT series, NEW."timestamp", NEW.id, NEW.metric_value, NEW.metric_metadata
    FROM metric_series_ids(ARRAY[NEW.service_name], ARRAY[NEW.metric_type], ARRAY[NEW.unit], NULL) AS series;
    RETURN NEW;
END
$$;

-- A view takes its name in this very transaction.
-- squawk-ignore renaming-table
ALTER TABLE system_metrics RENAME TO system_metrics_wide;
CREATE VIEW system_metrics AS
SELECT id, service_name, metric_type, metric_value, unit, "timestamp", metric_metadata
FROM metric_points JOIN metric_series USING (series)
UNION ALL
SELECT id, service_name, metric_type, metric_value, unit, "timestamp", metric_metadata FROM system_metrics_wide;
ALTER VIEW system_metrics ALTER COLUMN "timestamp" SET DEFAULT now();
CREATE TRIGGER system_metrics_insert INSTEAD OF INSERT ON system_metrics
    FOR EACH ROW EXECUTE FUNCTION system_metrics_insert();

SELECT system_metrics_ensure_month(month) FROM (
    SELECT to_date(right(relname, 7), 'YYYY_MM')::timestamp AT TIME ZONE 'UTC' AS month FROM pg_class
    JOIN pg_inherits ON inhrelid = pg_class.oid
    WHERE inhparent = 'system_metrics_wide'::regclass AND relname ~ '^system_metrics_[0-9]{4}_[0-9]{2}$'
    UNION
    SELECT date_trunc('month', now(), 'UTC') + ahead * interval '1 month' FROM generate_series(0, 3) AS ahead
) AS months ORDER BY month;

-- Locks all that statements of the release before use when they record, for the end of the transaction. They take the same
-- locks in one order as they are parsed and in another as they are planned: whoever would wait for long lets go, and
-- tries again, before PostgreSQL calls it a deadlock.
CREATE FUNCTION system_metrics_lock() RETURNS void LANGUAGE plpgsql SET lock_timeout = '100ms' AS $$
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

-- Moves the wide rows, some 1,000 pages of them in a transaction. Killed anywhere, it is called again. Rows come to the
-- wide table no more, so that each page is seen once.
CREATE PROCEDURE system_metrics_narrow() LANGUAGE plpgsql AS $$
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
$$;

-- The way back of it; writers of the view go first.
CREATE PROCEDURE system_metrics_widen() LANGUAGE plpgsql AS $$
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
$$;

REVOKE ALL ON metric_series, metric_points, metric_watermark, metric_deltas, metric_parts, system_metrics FROM PUBLIC;
REVOKE ALL ON FUNCTION
    metric_series_ids(varchar[], varchar[], varchar[], bigint),
    metric_points_note_late(),
    metric_points_close(),
    metric_points_fold(),
    system_metrics_prepare_month(date),
    system_metrics_insert(),
    system_metrics_lock()
    FROM PUBLIC;
REVOKE ALL ON PROCEDURE system_metrics_narrow(), system_metrics_widen() FROM PUBLIC;

GRANT SELECT ON metric_series, metric_points TO utxoiq_metrics, utxoiq_retention, utxoiq_backup;
GRANT SELECT (series) ON metric_series TO utxoiq_database;
GRANT SELECT ON metric_parts, metric_watermark TO utxoiq_metrics, utxoiq_retention;
GRANT INSERT ON metric_points TO utxoiq_metrics, utxoiq_database, utxoiq_backup, utxoiq_retention;
GRANT DELETE ON metric_points TO utxoiq_retention;
GRANT SELECT ON metric_points_default TO utxoiq_retention;
GRANT EXECUTE ON FUNCTION metric_series_ids(varchar[], varchar[], varchar[], bigint)
    TO utxoiq_metrics, utxoiq_database, utxoiq_backup, utxoiq_retention;
GRANT EXECUTE ON FUNCTION metric_points_close(), metric_points_fold() TO utxoiq_metrics, utxoiq_retention;
GRANT EXECUTE ON FUNCTION system_metrics_prepare_month(date) TO utxoiq_retention;
-- Functions of the release before write through the view; a later version takes that from them, and what they may do
-- with rollups and the audit log.
GRANT SELECT, INSERT ON system_metrics TO utxoiq_metrics, utxoiq_backup;
-- Whoever brings in what another system had.
GRANT SELECT, INSERT ON metric_points TO utxoiq_import;
GRANT SELECT ON system_metrics TO utxoiq_import;
GRANT EXECUTE ON FUNCTION metric_series_ids(varchar[], varchar[], varchar[], bigint) TO utxoiq_import;
REVOKE ALL ON metric_rollups FROM utxoiq_import;
GRANT SELECT ON system_metrics TO utxoiq_retention;
GRANT INSERT ON system_metrics TO utxoiq_database;
