-- Percentiles: what the rollups count, by size, in a form that merges.

-- The key of a value's bucket in a sketch. Buckets grow by 2 %, so that the middle of one is within 1 % of all its
-- values; keys are in the order of the values. As in the rollups' sums, what is too small counts as 0.
CREATE FUNCTION metric_sketch_key(value double precision) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN abs(value) > 1e-280
        THEN sign(value)::integer * (40000 + ceil(ln(abs(value)) / 0.01980262729617973)::integer) ELSE 0 END
$$;

-- The middle of a bucket; 709.78 is the logarithm of the largest value.
CREATE FUNCTION metric_sketch_value(key integer) RETURNS double precision LANGUAGE sql IMMUTABLE AS $$
    SELECT sign(key) * exp(least((abs(key) - 40000.5::double precision) * 0.01980262729617973, 709.78))
$$;

-- Apart from the rollups, which are written at a rate that wide rows would slow. A sketch is whole if its rollup counts
-- as many values as it does; docs/decisions/0056-trends.md has the rest of the arithmetic.
CREATE TABLE metric_sketches (
    service_name varchar(100) NOT NULL,
    metric_type  varchar(50) NOT NULL,
    resolution   varchar(4) NOT NULL CHECK (resolution IN ('hour', 'day')),
    bucket       timestamptz NOT NULL,
    value_count  bigint NOT NULL CHECK (value_count > 0),
    keys         integer[] NOT NULL,
    counts       bigint[] NOT NULL,
    PRIMARY KEY (service_name, metric_type, resolution, bucket),
    CHECK (cardinality(keys) = cardinality(counts))
);

REVOKE ALL ON metric_sketches FROM PUBLIC;
REVOKE ALL ON FUNCTION metric_sketch_key(double precision), metric_sketch_value(integer) FROM PUBLIC;

GRANT SELECT, INSERT, UPDATE ON metric_sketches TO utxoiq_metrics, utxoiq_retention;
GRANT SELECT ON metric_sketches TO utxoiq_backup;
GRANT SELECT ON metric_rollups TO utxoiq_retention;
GRANT EXECUTE ON FUNCTION metric_sketch_key(double precision) TO utxoiq_metrics, utxoiq_retention;
GRANT EXECUTE ON FUNCTION metric_sketch_value(integer) TO utxoiq_metrics;
