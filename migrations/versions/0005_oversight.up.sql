-- What the database function tells about the system as a whole: its server, and how retention and backups go.

-- PostgreSQL counts statements where this extension can be had. It lets everyone see its view, so it has a schema that
-- only its owner may look into.
CREATE SCHEMA server_statistics;
REVOKE ALL ON SCHEMA server_statistics FROM PUBLIC;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_stat_statements') THEN
        CREATE EXTENSION IF NOT EXISTS pg_stat_statements SCHEMA server_statistics;
    END IF;
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE 'PostgreSQL will not count statements: %', SQLERRM;
END
$$;

-- Clients of the whole server. SECURITY DEFINER, since the owner is of pg_monitor, as Cloud SQL makes it, and nobody else
-- needs to see what others run. What the owner may not see either has the state `unknown`.
CREATE FUNCTION server_activity() RETURNS json LANGUAGE sql STABLE
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- Statements of this database that took most time, as PostgreSQL has normalised them: those of other kinds may hold
-- literals, a password among them. NULL where PostgreSQL does not count.
CREATE FUNCTION server_statements(most integer) RETURNS json LANGUAGE plpgsql STABLE
    SECURITY DEFINER SET search_path = server_statistics, public, pg_temp AS $$
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
$$;

REVOKE ALL ON FUNCTION server_activity(), server_statements(integer) FROM PUBLIC;

GRANT SELECT ON retention_runs, backup_runs, backup_verifications TO utxoiq_database;
-- So that it records the fleet's figures once a minute, whoever asks how often.
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO utxoiq_database;
GRANT EXECUTE ON FUNCTION server_activity(), server_statements(integer) TO utxoiq_database;
