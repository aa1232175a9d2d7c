-- What the archive holds of a person is encrypted by a key of that person's own; whoever is erased loses it.
CREATE TABLE person_keys (
    person uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id varchar(100) NOT NULL UNIQUE,
    key bytea NOT NULL DEFAULT sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
        CHECK (octet_length(key) = 32),
    -- Days of the archive with rows of the person.
    days date[] NOT NULL
);

-- Persons whose rows still lie unencrypted in objects of an earlier release: SHA-256 of the user id, until they do not.
CREATE TABLE pending_erasures (
    digest bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    requested_at timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE archive_objects ADD COLUMN sealed boolean NOT NULL DEFAULT false;

-- Erasures exclude whoever makes a key or restores rows: neither may bring back a person who is erased meanwhile. A key is
-- made for whom the table has rows of (source: table), or an object that is not sealed (clear) unless the person is being
-- erased. Whom a sealed object tells of has a key, or is erased.
CREATE FUNCTION person_keys_ensure(user_ids varchar[], archive_day date, source varchar)
    RETURNS TABLE (person uuid, user_id varchar, key bytea) LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
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

CREATE FUNCTION person_keys_find(persons uuid[]) RETURNS TABLE (person uuid, user_id varchar, key bytea) LANGUAGE sql
    STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT held.person, held.user_id, held.key FROM person_keys AS held WHERE held.person = ANY (persons)
$$;

-- Of persons of whom the archive holds nothing any more.
CREATE FUNCTION person_keys_forget() RETURNS void LANGUAGE sql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DELETE FROM person_keys AS held WHERE NOT EXISTS (
        SELECT FROM archive_objects WHERE table_name = 'insight_feedback' AND state <> 'abandoned' AND day = ANY (held.days))
$$;

-- The objects that may hold rows of a person, with the person's key where there is one.
CREATE FUNCTION person_archive(held_user varchar) RETURNS TABLE (
    person uuid, key bytea, name varchar, day date, first_at timestamptz, row_count bigint, sha256 bytea, generation bigint,
    sealed boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT held.person, held.key, object.name, object.day, object.first_at, object.row_count, object.sha256,
           object.generation, object.sealed
    FROM archive_objects AS object LEFT JOIN person_keys AS held ON held.user_id = held_user
    WHERE object.table_name = 'insight_feedback' AND object.state IN ('archived', 'removed')
      AND CASE WHEN object.sealed THEN object.day = ANY (held.days)
          ELSE NOT EXISTS (SELECT FROM pending_erasures
                           WHERE digest = pg_catalog.sha256(convert_to(held_user, 'UTF8'))) END
$$;

-- The audit entries that name a person: where the person acted, and where a service acted for the person.
CREATE FUNCTION person_audit(held_user varchar, after_at timestamptz, after_id bigint, most bigint)
    RETURNS TABLE (at timestamptz, id bigint, actor varchar, action varchar, subject varchar, address varchar,
                   request_id varchar)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT entry.at, entry.id, entry.actor, entry.action, entry.subject, entry.address, entry.request_id
    FROM audit_log AS entry
    WHERE (entry.actor = 'user:' || held_user OR entry.details @> jsonb_build_object('user_id', held_user))
      AND (entry.at, entry.id) > (after_at, after_id)
    ORDER BY entry.at, entry.id LIMIT most
$$;

-- Rows leave their statistics as whenever feedback is deleted: whoever sets utxoiq.archiving is refused by their trigger.
-- Who asks is audited, and what was erased is not, but for how much it was. No caller is called `erased`: each has a prefix.
CREATE FUNCTION person_erase(
    erased varchar, asked_by varchar, asked_key varchar, asked_from varchar, asked_in varchar,
    OUT feedback bigint, OUT archived_days bigint, OUT audit_entries bigint, OUT objects_in_clear bigint,
    OUT insights varchar[])
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
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

REVOKE ALL ON FUNCTION person_keys_ensure(varchar[], date, varchar) FROM PUBLIC;
REVOKE ALL ON FUNCTION person_keys_find(uuid[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION person_keys_forget() FROM PUBLIC;
REVOKE ALL ON FUNCTION person_archive(varchar) FROM PUBLIC;
REVOKE ALL ON FUNCTION person_audit(varchar, timestamptz, bigint, bigint) FROM PUBLIC;
REVOKE ALL ON FUNCTION person_erase(varchar, varchar, varchar, varchar, varchar) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION person_keys_ensure(varchar[], date, varchar) TO utxoiq_retention;
GRANT EXECUTE ON FUNCTION person_keys_find(uuid[]) TO utxoiq_retention;
GRANT EXECUTE ON FUNCTION person_keys_forget() TO utxoiq_retention;
GRANT SELECT, DELETE ON pending_erasures TO utxoiq_retention;
GRANT EXECUTE ON FUNCTION person_archive(varchar) TO utxoiq_feedback;
GRANT EXECUTE ON FUNCTION person_audit(varchar, timestamptz, bigint, bigint) TO utxoiq_feedback;
GRANT EXECUTE ON FUNCTION person_erase(varchar, varchar, varchar, varchar, varchar) TO utxoiq_feedback;
GRANT DELETE ON insight_feedback TO utxoiq_feedback;
