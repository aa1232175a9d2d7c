-- What is known of backups and of their verifications.

-- A backup that was asked for, with what the tables held just before it began and just after it ended. Cloud SQL says
-- how it goes; the backup is found there by `id` in its description, whenever this function was killed.
CREATE TABLE backup_runs (
    id           uuid PRIMARY KEY,
    instance     varchar(98) NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT now(),
    facts_before jsonb NOT NULL,
    facts_after  jsonb,
    backup_id    varchar(20) UNIQUE,  -- Cloud SQL's number of it
    bytes        bigint,
    ended_at     timestamptz,
    error        varchar(2000),
    CHECK (error IS NOT NULL OR ended_at IS NULL OR (backup_id IS NOT NULL AND facts_after IS NOT NULL))
);
CREATE INDEX backup_runs_newest ON backup_runs (requested_at DESC);
CREATE UNIQUE INDEX backup_runs_one_at_a_time ON backup_runs ((true)) WHERE ended_at IS NULL;

-- A verification goes through its steps in this order; one that fails goes on from there to `publish`. Each step looks at
-- what is there before it acts, so that it can be killed at any point and taken again.
CREATE TABLE backup_verifications (
    id         uuid PRIMARY KEY,
    step       varchar(10) NOT NULL DEFAULT 'choose'
               CHECK (step IN ('choose', 'create', 'restore', 'check', 'publish', 'delete', 'done')),
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at   timestamptz,
    backup_run uuid REFERENCES backup_runs,
    passed     boolean,
    error      varchar(2000),
    checks     jsonb,
    CHECK (passed IS NOT NULL OR step IN ('choose', 'create', 'restore', 'check')),
    CHECK ((ended_at IS NULL) = (step <> 'done'))
);
CREATE INDEX backup_verifications_newest ON backup_verifications (started_at DESC);
CREATE UNIQUE INDEX backup_verifications_one_at_a_time ON backup_verifications ((true)) WHERE ended_at IS NULL;

-- How many rows a query has: with what its caller may read, and no more.
CREATE FUNCTION backup_count(query text) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    rows bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM (%s) AS counted', query) INTO rows;
    RETURN rows;
END
$$;

DO $$
BEGIN
    CREATE ROLE utxoiq_backup NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    RAISE NOTICE 'the role utxoiq_backup is there already';
END
$$;

REVOKE ALL ON backup_runs, backup_verifications FROM PUBLIC;
REVOKE ALL ON FUNCTION backup_count(text) FROM PUBLIC;

-- It reads what a restored copy must hold, and publishes metrics as utxoiq_database does.
GRANT SELECT ON
    alembic_version, backfill_jobs, insight_feedback, insight_stats, archived_insight_stats, system_metrics,
    metric_rollups, archive_objects TO utxoiq_backup;
GRANT SELECT, INSERT, UPDATE ON backup_runs, backup_verifications TO utxoiq_backup;
GRANT INSERT ON system_metrics TO utxoiq_backup;
GRANT INSERT, UPDATE ON metric_rollups TO utxoiq_backup;
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO utxoiq_backup;
GRANT EXECUTE ON FUNCTION backup_count(text), api_key_check(bytea), system_metrics_ensure_ahead() TO utxoiq_backup;
GRANT INSERT (actor, key_id, action, subject, details, address, request_id) ON audit_log TO utxoiq_backup;
