GRANT SELECT ON backup_runs, backup_verifications TO utxoiq_database;
