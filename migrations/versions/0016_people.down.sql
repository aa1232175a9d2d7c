-- Without the keys what was archived meanwhile could never be read again.
DO $$
BEGIN
    IF EXISTS (SELECT FROM person_keys) THEN
        RAISE EXCEPTION 'person_keys has keys that the archive needs; deploy this version or a later one';
    END IF;
END
$$;
REVOKE DELETE ON insight_feedback FROM utxoiq_feedback;
DROP FUNCTION person_erase(varchar, varchar, varchar, varchar, varchar);
DROP FUNCTION person_audit(varchar, timestamptz, bigint, bigint);
DROP FUNCTION person_archive(varchar);
DROP FUNCTION person_keys_forget();
DROP FUNCTION person_keys_find(uuid[]);
DROP FUNCTION person_keys_ensure(varchar[], date, varchar);
ALTER TABLE archive_objects DROP COLUMN sealed;
DROP TABLE pending_erasures;
DROP TABLE person_keys;
