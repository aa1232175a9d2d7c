REVOKE ALL ON metric_rollups FROM utxoiq_retention;
DROP TABLE metric_sketches;
DROP FUNCTION metric_sketch_value(integer);
DROP FUNCTION metric_sketch_key(double precision);
