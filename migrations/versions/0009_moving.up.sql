-- What `commands import` remembers, so that it can be killed and run again. docs/moving.md tells how it is used, and
-- when it may go. In a schema of its own: no function reads it.
CREATE SCHEMA moving;

-- The old rows that are here, or were: what has left since, erased or archived, does not come back. source: a hash of the
-- old row, where it can change. mark: what the row here had when it was last written by an import; with another one,
-- it was changed here.
CREATE TABLE moving.imported (
    table_name varchar(63) NOT NULL,
    id         uuid NOT NULL,
    source     bigint,
    mark       varchar(50),
    PRIMARY KEY (table_name, id)
);

-- The old rows that do not fit. id is text: it may be the id that does not fit.
CREATE TABLE moving.report (
    table_name  varchar(63) NOT NULL,
    id          text NOT NULL,
    reason      text NOT NULL,
    reported_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (table_name, id)
);

-- How far a run has come that has not ended: the key of the last row of a table, or an object that is done.
CREATE TABLE moving.progress (
    source text PRIMARY KEY,
    place  text[] NOT NULL
);

DO $$
BEGIN
    CREATE ROLE utxoiq_import NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    RAISE NOTICE 'the role utxoiq_import is there already';
END
$$;

GRANT USAGE ON SCHEMA moving TO utxoiq_import;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA moving TO utxoiq_import;
GRANT SELECT, INSERT, UPDATE ON backfill_jobs, insight_feedback, metric_rollups TO utxoiq_import;
GRANT SELECT, INSERT ON system_metrics TO utxoiq_import;
GRANT EXECUTE ON FUNCTION system_metrics_ensure_month(timestamptz) TO utxoiq_import;
-- So that an answer tells which part of a range is archived.
GRANT SELECT (table_name, state, first_at, last_at) ON archive_objects TO utxoiq_metrics;
GRANT INSERT (actor, key_id, action, subject, details, address, request_id) ON audit_log TO utxoiq_import;
