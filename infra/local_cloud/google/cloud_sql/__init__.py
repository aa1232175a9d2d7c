"""Cloud SQL on one machine: the Admin API's calls, done on real PostgreSQL with base backups and archived WAL."""
