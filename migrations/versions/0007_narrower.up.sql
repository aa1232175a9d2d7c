-- How backups go is told by the function that makes them.
REVOKE SELECT ON backup_runs, backup_verifications FROM utxoiq_database;
