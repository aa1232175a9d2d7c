-- Who may call, and a trace of who changed what.

CREATE TABLE api_keys (
    id                varchar(12) PRIMARY KEY CHECK (id ~ '^[0-9a-z]{12}$'),
    digest            bytea NOT NULL UNIQUE CHECK (octet_length(digest) = 32),  -- SHA-256 of the key, which nobody keeps
    name              varchar(100) NOT NULL CHECK (name <> ''),
    owner             varchar(100) NOT NULL CHECK (owner <> ''),
    scopes            varchar(20)[] NOT NULL
                      CHECK (cardinality(scopes) > 0 AND scopes <@ ARRAY['admin', 'backfill:read', 'backfill:write',
                          'feedback:read', 'feedback:write', 'metrics:read', 'metrics:write']::varchar[]),
    requests_per_hour bigint CHECK (requests_per_hour > 0),  -- null: what every signed-in caller has
    batches_per_hour  bigint CHECK (batches_per_hour > 0),
    created_at        timestamptz NOT NULL DEFAULT now(),
    created_by        varchar(200) NOT NULL,
    expires_at        timestamptz,
    revoked_at        timestamptz,
    -- Of a rotation: both are valid until this one expires.
    successor         varchar(12) REFERENCES api_keys DEFERRABLE INITIALLY DEFERRED,
    last_used_at      timestamptz  -- to the minute
) WITH (fillfactor = 50);  -- noting a use stays on its page (HOT)

-- A name is the caller's, over all its rotations.
CREATE UNIQUE INDEX api_keys_current_name ON api_keys (name) WHERE revoked_at IS NULL AND successor IS NULL;
CREATE INDEX api_keys_newest ON api_keys (created_at DESC, id DESC);

CREATE FUNCTION api_key_status(key api_keys) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN key.revoked_at <= now() THEN 'revoked' WHEN key.expires_at <= now() THEN 'expired' ELSE 'active' END
$$;

-- All of a key but its digest.
CREATE FUNCTION api_key_as_json(key api_keys) RETURNS json LANGUAGE sql STABLE AS $$
    SELECT json_build_object(
        'id', key.id, 'name', key.name, 'owner', key.owner, 'scopes', key.scopes,
        'requests_per_hour', key.requests_per_hour, 'batches_per_hour', key.batches_per_hour,
        'status', api_key_status(key), 'created_at', key.created_at, 'created_by', key.created_by,
        'expires_at', key.expires_at, 'revoked_at', key.revoked_at, 'successor', key.successor,
        'last_used_at', key.last_used_at)
$$;

-- What a function may ask about keys: of one that it was shown. SECURITY DEFINER, since none may read the table.
-- A check never waits for another one's note of the use.
CREATE FUNCTION api_key_check(shown bytea) RETURNS TABLE (
    id varchar, name varchar, scopes varchar[], requests_per_hour bigint, batches_per_hour bigint,
    status text, seconds_left double precision
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
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

-- Every change of data or of access, written in the transaction that makes it. Nobody is granted UPDATE or DELETE,
-- and who appends may set neither `at` nor `id`.
CREATE TABLE audit_log (
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    id         bigint GENERATED ALWAYS AS IDENTITY,
    actor      varchar(200) NOT NULL,
    key_id     varchar(12),
    action     varchar(50) NOT NULL,
    subject    varchar(300),
    details    jsonb,
    address    varchar(45),
    request_id varchar(128),
    PRIMARY KEY (at, id)
);

DO $$
BEGIN
    CREATE ROLE utxoiq_keys NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    RAISE NOTICE 'the role utxoiq_keys is there already';
END
$$;

REVOKE ALL ON api_keys, audit_log FROM PUBLIC;
REVOKE ALL ON FUNCTION api_key_status(api_keys), api_key_as_json(api_keys), api_key_check(bytea) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION api_key_check(bytea)
    TO utxoiq_backfill, utxoiq_feedback, utxoiq_metrics, utxoiq_database, utxoiq_retention, utxoiq_keys;
GRANT INSERT (actor, key_id, action, subject, details, address, request_id) ON audit_log
    TO utxoiq_backfill, utxoiq_feedback, utxoiq_metrics, utxoiq_database, utxoiq_retention, utxoiq_keys;
GRANT SELECT ON audit_log TO utxoiq_keys;
GRANT SELECT, INSERT, UPDATE (expires_at, revoked_at, successor) ON api_keys TO utxoiq_keys;
GRANT EXECUTE ON FUNCTION api_key_status(api_keys), api_key_as_json(api_keys) TO utxoiq_keys;
