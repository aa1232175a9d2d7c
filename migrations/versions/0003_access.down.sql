DROP TABLE audit_log;
DROP FUNCTION api_key_check(bytea);
DROP FUNCTION api_key_as_json(api_keys);
DROP FUNCTION api_key_status(api_keys);
DROP TABLE api_keys;

DO $$
BEGIN
    DROP ROLE IF EXISTS utxoiq_keys;
EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege THEN
    RAISE NOTICE 'the role utxoiq_keys stays: it is in use elsewhere';
END
$$;
