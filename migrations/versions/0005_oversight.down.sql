REVOKE ALL ON retention_runs, backup_runs, backup_verifications, idempotency_keys FROM utxoiq_database;
DROP FUNCTION server_statements(integer);
DROP FUNCTION server_activity();
DROP SCHEMA server_statistics CASCADE;
